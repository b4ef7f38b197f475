"""The document of `segjudge compare --json`: two submissions on the cases that both have."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from evaluate.documents.tables import write_document


@dataclass(frozen=True, slots=True, kw_only=True)
class ResampledInterval:
    """The middle 95 % of the resamples."""

    low: float
    high: float

    @property
    def parts_from_zero(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two that are compared.

    Attributes:
        team: its name.
        run: the run directory's name.
        label: what a sentence calls it: the team, with the run where the teams are the same.
    """

    team: str
    run: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One metric over the cases of one modality, or over all: B less A.

    Attributes:
        metric: column of case_scores.csv.
        where: the modality; `macro` is the mean over modalities, `micro` that over cases.
        n: cases in which both have a value.
        mean_a, mean_b: in the metric's unit.
        mean: of the differences.
        interval: of the mean difference, over resampled cases; None with fewer than three cases.
        p_value: of Wilcoxon's signed-rank test, two-sided, not adjusted; None with fewer than six
            cases that differ, of which no pattern would be significant.
        b_ahead: share of the resamples in which B is better, ties counted by half.
    """

    metric: str
    where: str
    n: int
    mean_a: float
    mean_b: float
    mean: float
    interval: ResampledInterval | None
    p_value: float | None
    b_ahead: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRatio:
    """How many times A's time B takes: the geometric mean over cases that both finished.

    Attributes:
        where: the modality, or `micro` for all cases alike.
        n: cases that both finished.
        ratio: as measured.
        interval: of it.
        corrected: divided by the ratio of the calibration loads, B's over A's; None where it is one
            run, or a run has no calibration.
        corrected_interval: of the corrected ratio.
    """

    where: str
    n: int
    ratio: float
    interval: ResampledInterval | None
    corrected: float | None
    corrected_interval: ResampledInterval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChange:
    """One case that both have.

    Attributes:
        case, modality: of the manifest.
        outcome_a, outcome_b: how it ended.
        dsc_a, dsc_b, nsd_a, nsd_b: scores; None where the protocol leaves them undefined.
        change: of DSC; of NSD where DSC is the same.
    """

    case: str
    modality: str
    outcome_a: str
    outcome_b: str
    dsc_a: float | None
    dsc_b: float | None
    nsd_a: float | None
    nsd_b: float | None
    change: float


class Trade(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Accuracy against runtime, each a mean over the modalities, with its resamples.

    Attributes:
        dsc_a, dsc_b, wall_s_a, wall_s_b: of the cases as they are.
        cloud_a, cloud_b: (wall_s, dsc) of the first resamples, for a drawing; not in the document:
            they follow from the seed.
        b_dominates: share of the resamples in which B is at least as accurate and as fast, and
            better in one.
        a_dominates: the same of A.
    """

    dsc_a: float
    dsc_b: float
    wall_s_a: float
    wall_s_b: float
    cloud_a: tuple[tuple[float, float], ...] = ()
    cloud_b: tuple[tuple[float, float], ...] = ()
    b_dominates: float
    a_dominates: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamComparison:
    """B against A, on the cases that both have.

    Attributes:
        a, b: the two sides.
        cases: identifiers of the common cases.
        replicates, seed: of the resampling; cases are drawn within their modality.
        differences: by metric, then `macro`, `micro` and the modalities.
        ratios: `micro`, then the modalities; empty where no case was timed for both.
        better, worse: cases whose score changed, largest change first.
        failures_lost: failed by A, done by B.
        failures_gained: done by A, failed by B.
        failed_both: how many cases both failed.
        trade: None without DSC or times.
        notes: what a reader must know: cases that only one has, other machines, other limits.
        answer: which is better, by how much, how sure, in one sentence.
    """

    a: Side
    b: Side
    cases: tuple[str, ...]
    replicates: int
    seed: int
    differences: tuple[Difference, ...]
    ratios: tuple[TimeRatio, ...]
    better: tuple[CaseChange, ...]
    worse: tuple[CaseChange, ...]
    failures_lost: tuple[CaseChange, ...]
    failures_gained: tuple[CaseChange, ...]
    failed_both: int
    trade: Trade | None
    notes: tuple[str, ...]
    answer: str

    def difference(self, metric: str, where: str) -> Difference | None:
        """One of the differences, if it is defined."""
        matching = (d for d in self.differences if (d.metric, d.where) == (metric, where))
        return next(matching, None)

    @property
    def modalities(self) -> list[str]:
        """Names of the modalities, sorted."""
        return sorted({d.where for d in self.differences} - {"macro", "micro"})


class ComparisonDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a comparison found.

    Attributes:
        run_a: the run directory of A.
        run_b: the run directory of B.
        calibration_ratio: B's calibration load over A's; None where times are not corrected.
        comparisons: one for each pair of teams.
    """

    schema: Literal[1] = 1
    run_a: str
    run_b: str
    calibration_ratio: float | None
    comparisons: tuple[TeamComparison, ...]


def write_comparison_document(path: Path, document: ComparisonDocument) -> None:
    """Write the document, atomically; the resamples themselves follow from the seed."""
    kept = tuple(
        replace(comparison, trade=msgspec.structs.replace(comparison.trade, cloud_a=(), cloud_b=()))
        if comparison.trade
        else comparison
        for comparison in document.comparisons
    )
    write_document(path, msgspec.structs.replace(document, comparisons=kept))
