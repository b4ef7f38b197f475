"""What a ranking hands over: the rows of ranking.csv and the document of ranking.json."""

from dataclasses import dataclass
from typing import Any

__all__ = ["RankingRow", "Result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingRow:
    """One team: a row of ranking.csv.

    Attributes:
        team: its name.
        rank, mean_rank: place and mean rank by the protocol's own scheme.
        rank_micro, mean_rank_micro: with every case weighing alike.
        rank_macro, mean_rank_macro: with every modality weighing alike.
        dsc, nsd, wall_s, cpu_s, peak_memory_mib: means over the modalities' means, failures
            included at the failure's value; None where the table has no such values.
        failures: how many cases the team failed.
        cases: of how many.
    """

    team: str
    rank: float
    mean_rank: float
    rank_micro: float
    mean_rank_micro: float
    rank_macro: float
    mean_rank_macro: float
    dsc: float | None
    nsd: float | None
    wall_s: float | None
    cpu_s: float | None
    peak_memory_mib: float | None
    failures: int
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A ranking.

    Attributes:
        rows: one for each team, best first, then by name.
        document: ranking.json, strict: no value is nan.
    """

    rows: tuple[RankingRow, ...]
    document: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The document of ranking.json."""
        return self.document
