"""The tables of what was scored."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from evaluate.facts.scores import (
    CaseScore,
    CohortScore,
    LabelScore,
    LesionScore,
    ModalityScore,
    RoundScore,
)
from evaluate.facts.scoring_rules import Scoring
from evaluate.scoring.jobs import CaseResult
from evaluate.scoring.modality_scores import modality_scores
from evaluate.scoring.unlike_labels import LabelsSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScores:
    """Scores of cases, their rounds, modalities and all cases; those of labels are in their table.

    There are none of rounds where a protocol has one. `scoring` is what they were made by; `unlike`
    has a line for each case whose prediction has none of its reference's labels, `alike` a team and
    a line where that is so of all its predictions, or they have one label for several.
    """

    cases: list[CaseScore]
    scoring: Scoring | None = None
    unlike: list[str] = field(default_factory=list)
    alike: list[tuple[str, str]] = field(default_factory=list)
    rounds: list[RoundScore]
    modalities: list[ModalityScore]
    cohort: list[CohortScore]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores(RunScores):
    """The tables of scores."""

    labels: list[LabelScore]
    lesions: list[LesionScore]


def tables_of(results: Sequence[CaseResult], scoring: Scoring) -> Scores:
    """The tables of what was scored."""
    cases = [result.case for result in results]
    labels = [label for result in results for label in result.labels]
    seen = LabelsSeen()
    for result in results:
        seen.add(result.case, result.labels)
    return Scores(
        cases=cases,
        scoring=scoring,
        unlike=seen.unlike,
        alike=list(seen.told()),
        rounds=[row for result in results for row in result.rounds],
        labels=labels,
        lesions=[row for result in results for row in result.lesions],
        modalities=modality_scores(cases),
        cohort=cohort_of(cases, labels, scoring),
    )


def cohort_of(
    cases: Sequence[CaseScore], labels: Sequence[LabelScore], scoring: Scoring
) -> list[CohortScore]:
    """The numbers over cases that a protocol asks for; most ask for none."""
    if not scoring.cohort:
        return []
    from evaluate.scoring.cohort_rows import cohort_scores  # slow to import

    return cohort_scores(cases, labels, scoring)
