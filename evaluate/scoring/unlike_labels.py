"""Label maps that speak of different labels: 255 for what the reference calls 1, or 1 for all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from data_manifest.findings import listed
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore, LabelScore


def unlike_labels(rows: Sequence[LabelScore]) -> str:
    """What a prediction has instead, where it has none of the labels that its reference has.

    Returns:
        In words; empty where they share a label, or one of both has none.
    """
    theirs = [row.label for row in rows if row.prediction_voxels]
    ours = [row.label for row in rows if row.reference_voxels]
    if not theirs or not ours or set(theirs) & set(ours):
        return ""
    return f"the prediction has {listed(theirs, most=5)}, the reference {listed(ours, most=5)}"


@dataclass(slots=True, kw_only=True)
class _Seen:
    """The labels of a team's masks that count, and of their references; a set a case."""

    theirs: list[frozenset[int]] = field(default_factory=list)
    ours: list[frozenset[int]] = field(default_factory=list)


class LabelsSeen:
    """What all masks of a team have in common, told once.

    Attributes:
        unlike: a line for each case whose prediction has none of its reference's labels.
    """

    def __init__(self) -> None:
        self.unlike: list[str] = []
        self._teams: dict[str, _Seen] = {}

    def add(self, case: CaseScore, rows: Sequence[LabelScore]) -> None:
        """Take a case's rows; those of regions and of failed cases tell nothing."""
        if words := unlike_labels(rows):
            self.unlike.append(f"{case.team} {case.case}: {words}")
        numbered = [row for row in rows if isinstance(row.label, int)]
        if case.outcome is Outcome.OK and numbered:
            seen = self._teams.setdefault(case.team, _Seen())
            seen.theirs.append(frozenset(int(r.label) for r in numbered if r.prediction_voxels))
            seen.ours.append(frozenset(int(r.label) for r in numbered if r.reference_voxels))

    def told(self) -> Iterator[tuple[str, str]]:
        """Teams, and what is odd about their masks, if anything is."""
        for team, seen in self._teams.items():
            theirs, ours = frozenset().union(*seen.theirs), frozenset().union(*seen.ours)
            count = f"{len(seen.ours)} case{'s' * (len(seen.ours) > 1)}"
            if not theirs and ours:
                yield team, f"in none of {count} has a mask any label that is scored"
            if theirs and not ours:
                yield team, f"in none of {count} has a reference any label"
            if len(theirs) == 1 and len(ours) > 1:
                yield (
                    team,
                    f"in {count} the masks hold label {min(theirs)} alone, and the references"
                    f" {listed(sorted(ours), most=5)}: are they of background and object?",
                )
