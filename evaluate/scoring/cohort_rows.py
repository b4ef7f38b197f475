"""Numbers over all cases of a team: statistics of values, and metrics of what is summed first."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from evaluate.facts.aggregates import aggregate_of, summed_columns
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore, CohortScore, LabelScore
from evaluate.facts.scoring_rules import Cohort, Scoring
from evaluate.scoring.cohort_intervals import bounds, drawn_cases, sampled, sampled_by_set
from metrics.cohort import STATISTICS, aggregated_dice, balanced_accuracy, by_group, present

_Columns = Mapping[str, npt.NDArray[np.float64]]
_Value = Callable[[_Columns], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """A label or a case, with what a statistic may ask of it."""

    case: str
    label: int | str
    values: Mapping[str, float | None]
    reference_voxels: int = 0
    prediction_voxels: int = 0


def cohort_scores(
    cases: Sequence[CaseScore], labels: Sequence[LabelScore], scoring: Scoring
) -> list[CohortScore]:
    """Every number over cases that a protocol asks for: of each modality, and of all together.

    A failed case is in it with what a failure costs; an error of the harness is not, and `n` says
    how many values remain.
    """
    made: list[CohortScore] = []
    for team in sorted({case.team for case in cases}):
        own = [c for c in cases if c.team == team and c.outcome is not Outcome.HARNESS_ERROR]
        modalities = sorted({case.modality for case in own})
        for modality in ("", *(modalities if len(modalities) > 1 else ())):
            chosen = [case for case in own if modality in ("", case.modality)]
            known = {case.case for case in chosen}
            rows = [row for row in labels if row.team == team and row.case in known]
            for cohort in scoring.cohort:
                made += _of_cohort(cohort, chosen, rows, team=team, modality=modality)
    return made


def _of_cohort(
    cohort: Cohort,
    cases: Sequence[CaseScore],
    labels: Sequence[LabelScore],
    *,
    team: str,
    modality: str,
) -> Iterable[CohortScore]:
    patients = {case.case: case.group for case in cases}
    answered = {c.case for c in cases if cohort.cases == "all" or c.outcome is Outcome.OK}
    groups: dict[int | str, list[_Counted]] = {}
    if cohort.over == "cases":
        groups[""] = [
            _Counted(case=c.case, label="", values=c.values) for c in cases if c.case in answered
        ]
    else:
        for row in labels:
            if row.case in answered and (not cohort.labels or str(row.label) in cohort.labels):
                groups.setdefault(row.label, []).append(
                    _Counted(
                        case=row.case,
                        label=row.label,
                        values=row.values,
                        reference_voxels=row.reference_voxels,
                        prediction_voxels=row.prediction_voxels,
                    )
                )
    for statistic in cohort.statistics:
        name = f"{cohort.metric}_{statistic}"
        of_label, samples_of = {}, {}
        for label, rows in groups.items():
            columns, value = _columns(rows, cohort.metric), _statistic(cohort.metric, statistic)
            whole = statistic in ("aggregated", "balanced_accuracy")
            n = len(rows) if whole else len(present(columns[cohort.metric]))
            of_label[label] = value(columns) if rows else math.nan
            of_rows = tuple(patients[row.case] for row in rows)
            draws = drawn_cases(of_rows) if len(rows) > 1 else None
            made = partial(_row, team=team, modality=modality, label=label, n=n)
            samples = None if draws is None else sampled(cohort.metric, statistic, columns, draws)
            samples_of[label] = samples
            yield made(metric=name, value=of_label[label], samples=samples)
            if cohort.groups is not None and rows:
                sets = [_data_set(cohort.groups, row.case) for row in rows]
                if draws is not None:
                    samples = sampled_by_set(cohort.metric, statistic, columns, draws, sets)
                macro = by_group(value, columns, sets)
                yield made(metric=f"{name}_macro", value=macro, samples=samples)
        if cohort.joined is not None:
            label = "" if cohort.joined == "-" else cohort.joined
            n = len(present(list(of_label.values())))
            of_samples = _joined_samples([s for s in samples_of.values() if s is not None])
            for ending, number in _joined(cohort, list(of_label.values())):
                yield _row(
                    team=team,
                    modality=modality,
                    label=label,
                    n=n,
                    metric=f"{name}{ending}",
                    value=number,
                    samples=None if ending == "_sd" else of_samples,
                )


def _row(
    *,
    team: str,
    modality: str,
    label: int | str,
    n: int,
    metric: str,
    value: float,
    samples: npt.NDArray[np.float64] | None,
) -> CohortScore:
    known = _defined(value)
    low, high = (None, None) if known is None else bounds(samples)
    return CohortScore(
        team=team,
        modality=modality,
        label=label,
        metric=metric,
        n=n,
        value=known,
        low=low,
        high=high,
    )


def _joined_samples(samples: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64] | None:
    """The mean over labels of each resample, in which all have the same cases."""
    if not samples:
        return None
    stacked = np.stack(samples)
    known = ~np.isnan(stacked)
    with np.errstate(invalid="ignore"):
        mean: npt.NDArray[np.float64] = np.where(known, stacked, 0).sum(axis=0) / known.sum(axis=0)
    return mean


def _joined(cohort: Cohort, values: Sequence[float]) -> list[tuple[str, float]]:
    """The mean over labels, and their spread."""
    known = present(values)
    mean = float(known.mean()) if known.size else math.nan
    if not cohort.joined_spread:
        return [("", mean)]
    return [("_mean", mean), ("_sd", float(known.std()) if known.size else math.nan)]


def _data_set(pattern: str, case: str) -> str:
    match = re.search(pattern, case)
    return match[0] if match else ""


def _columns(rows: Sequence[_Counted], metric: str) -> dict[str, npt.NDArray[np.float64]]:
    names = dict.fromkeys((metric, *(name for row in rows for name in row.values)))
    columns: dict[str, npt.NDArray[np.float64]] = {
        name: np.array([_number(row.values.get(name)) for row in rows], dtype=np.float64)
        for name in names
    }
    voxels = [(row.reference_voxels, row.prediction_voxels) for row in rows]
    both = np.array(voxels, dtype=np.float64).reshape(-1, 2)
    columns["reference_voxels"], columns["prediction_voxels"] = both[:, 0], both[:, 1]
    return columns


def _statistic(metric: str, statistic: str) -> _Value:
    """The number that a statistic makes of columns."""
    if statistic == "global":
        return _global_dice
    if statistic == "aggregated":
        return partial(_aggregated, metric)
    if statistic == "balanced_accuracy":
        return partial(_balanced_accuracy, metric)
    return lambda columns: STATISTICS[statistic](columns[metric])


def _balanced_accuracy(metric: str, columns: _Columns) -> float:
    """Of variants, over cases; without a topology that matches there is none."""
    true, predicted, *matches = (columns[name] for name in summed_columns(metric))
    known = np.where(matches[0] == 1, predicted, -1) if matches else predicted
    return balanced_accuracy(true.tolist(), known.tolist())


def _aggregated(metric: str, columns: _Columns) -> float:
    """Of sums over the cases; of matched objects, the mean over the pairs of all cases."""
    ratio = aggregate_of(metric)
    if ratio is not None:
        sums = {name: np.asarray(np.nansum(columns[name])) for name in ratio.columns}
        return float(ratio.of(sums))
    pairs = columns[summed_columns(metric)[0]]
    chosen = pairs > 0
    return _ratio(float((pairs * columns[metric])[chosen].sum()), float(pairs[chosen].sum()))


def _global_dice(columns: _Columns) -> float:
    both = columns["reference_voxels"] + columns["prediction_voxels"]
    shared = np.rint(columns["dsc"] * both / 2)  # whole voxels, whatever the division rounded
    return aggregated_dice(shared, both)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
