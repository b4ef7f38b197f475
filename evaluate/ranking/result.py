"""What a ranking hands over: the rows of ranking.csv and the document of ranking.json."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from evaluate.facts.ranking_record import RankingDocument


def plain(value: float) -> float | None:
    """A number, or None where it is not defined."""
    return float(value) if np.isfinite(value) else None


def rank_value(value: float) -> float | None:
    """A rank: an integer where it is one (shared ranks may be halves), None if not defined."""
    if not np.isfinite(value):
        return None
    return int(value) if value == int(value) else float(value)


def by_team(teams: Sequence[str], values: Iterable[float]) -> dict[str, float | None]:
    """One number a team."""
    return {team: plain(value) for team, value in zip(teams, values, strict=True)}


class RankingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One team: a row of ranking.csv.

    Attributes:
        team: its name.
        rank, mean_rank: place and mean rank by the protocol's own scheme.
        rank_micro, mean_rank_micro: with every case weighing alike.
        rank_macro, mean_rank_macro: with every modality weighing alike.
        values: by metric, means over the modalities' means, failures included at their price; None
            where the table has no such values.
        failures: how many cases the team failed.
        cases: of how many.
        missing, infinite: how many values of ranked metrics are last since they are missing where
            others have one, or infinite; columns where there are any.
        left_out: how many values are left out of the ranking, since some team has none.
    """

    team: str
    rank: float
    mean_rank: float
    rank_micro: float
    mean_rank_micro: float
    rank_macro: float
    mean_rank_macro: float
    values: Mapping[str, float | None]
    failures: int
    cases: int
    missing: int = 0
    infinite: int = 0
    left_out: int = 0

    def value(self, metric: str) -> float | None:
        """A metric's mean; None where there is none."""
        return self.values.get(metric)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A ranking.

    Attributes:
        rows: one for each team, best first, then by name.
        document: ranking.json, strict: no value is nan.
        notes: what a reader must know of values that are missing, infinite or left out; they are
            among the document's warnings too.
    """

    rows: tuple[RankingRow, ...]
    document: RankingDocument
    notes: tuple[str, ...] = ()

    def warned(self, *warnings: str) -> "Result":
        """The same with further warnings."""
        told = (*self.document.warnings, *warnings)
        return replace(self, document=msgspec.structs.replace(self.document, warnings=told))

    def to_json(self) -> dict[str, object]:
        """The document of ranking.json."""
        return msgspec.json.decode(msgspec.json.encode(self.document), type=dict[str, object])
