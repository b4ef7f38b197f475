"""One case of a check as it ran, was scored, and was drawn."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore

Picture = TypeVar("Picture")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedCase(Generic[Picture]):
    """One case of a check.

    Attributes:
        score: as the run was scored.
        time_share, memory_share: of the protocol's limits; None if not measured.
        baseline_dsc, baseline_nsd: of the answer that never looks at the image; None without
            prompts.
        picture: of the image with the outlines, of the drawer's own kind; None if none was asked
            for.
        log: the last lines of a failed case's log, safe to print; empty for others.
    """

    score: CaseScore
    time_share: float | None
    memory_share: float | None
    baseline_dsc: float | None
    baseline_nsd: float | None
    picture: Picture | None = None
    log: str = ""

    @property
    def has_mask(self) -> bool:
        """Whether the scores are of a mask, and not of a failure."""
        return self.score.outcome is Outcome.OK
