"""Differences with paired bootstrap intervals, tests, time ratios, and the cases that changed.

A replicate draws the cases of every modality with replacement and takes both sides' values of the
same draw, so that what is hard for both cancels out.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from evaluate.comparing.answer import answer
from evaluate.comparing.comparability import COMPARED, Pairs
from evaluate.documents.team_comparison import (
    CaseChange,
    Difference,
    ResampledInterval,
    Side,
    TeamComparison,
    TimeRatio,
    Trade,
)
from evaluate.pairing import Counts, Floats, paired_difference, resampled_means
from metrics import METRICS

_SAME = 1e-12
_CLOUD = 150


def compare(
    a: Side,
    b: Side,
    pairs: Pairs,
    *,
    counts: Counts,
    seed: int,
    calibration: float | None,
    notes: list[str],
) -> TeamComparison:
    """B against A.

    Args:
        a: whose scores are the first.
        b: whose scores are the second.
        pairs: the scores.
        counts: how often each case is drawn in each replicate, (cases, replicates); in every
            modality as many draws as it has cases.
        seed: of the draws, for the record.
        calibration: B's calibration load over A's; None for no correction of times.
        notes: what a reader must know.
    """
    differences = tuple(
        difference for metric in COMPARED for difference in _differences(metric, pairs, counts)
    )
    ratios = tuple(_ratios(pairs, counts, calibration))
    changes = _changes(pairs)
    trade = _trade(pairs, counts)
    if pairs.left_out:
        notes = [*notes, f"left out, unscored by our own failure: {', '.join(pairs.left_out)}"]
    made = TeamComparison(
        a=a,
        b=b,
        cases=tuple(score.case for score in pairs.scores_a),
        replicates=counts.shape[1],
        seed=seed,
        differences=differences,
        ratios=ratios,
        better=_largest_first(c for c in changes if c.change > _SAME),
        worse=_largest_first(c for c in changes if c.change < -_SAME),
        failures_lost=tuple(c for c in changes if c.outcome_a != "ok" and c.outcome_b == "ok"),
        failures_gained=tuple(c for c in changes if c.outcome_a == "ok" and c.outcome_b != "ok"),
        failed_both=sum(c.outcome_a != "ok" and c.outcome_b != "ok" for c in changes),
        trade=trade,
        notes=tuple(notes),
        answer="",
    )
    return replace(made, answer=answer(made))


def _differences(metric: str, pairs: Pairs, counts: Counts) -> Iterator[Difference]:
    values = pairs.values[metric]
    means = _means_by_modality(values, pairs.modalities, counts)
    for where, indices in _places(pairs.modalities):
        usable = np.zeros(values.shape[1], dtype=np.bool_)
        usable[indices] = True
        usable &= ~np.isnan(values[0])
        if not usable.any():
            continue
        if where == "macro":
            actual = _macro(values, pairs.modalities)
            with np.errstate(invalid="ignore"):
                drawn = np.nanmean(np.stack(list(means.values())), axis=0)
        elif where == "micro":
            actual, drawn = (
                values[:, usable].mean(axis=1),
                resampled_means(values[:, usable], counts[usable]),
            )
        else:
            actual, drawn = values[:, usable].mean(axis=1), means[where]
        yield _difference(metric, where, values[:, usable], actual, drawn)


def _places(modalities: Mapping[str, slice]) -> list[tuple[str, slice]]:
    return [("macro", slice(None)), ("micro", slice(None)), *modalities.items()]


def _difference(
    metric: str, where: str, values: Floats, actual: Floats, drawn: Floats
) -> Difference:
    apart = paired_difference(values, actual, drawn)
    is_higher_better = METRICS[metric].direction == "higher"
    return Difference(
        metric=metric,
        where=where,
        n=apart.n,
        mean_a=apart.first,
        mean_b=apart.second,
        mean=apart.mean,
        interval=_interval(apart.interval),
        p_value=apart.p_value,
        b_ahead=apart.share_above if is_higher_better else 1 - apart.share_above,
    )


def _interval(ends: tuple[float, float] | None) -> ResampledInterval | None:
    return None if ends is None else ResampledInterval(low=ends[0], high=ends[1])


def _means_by_modality(
    values: Floats, modalities: Mapping[str, slice], counts: Counts
) -> dict[str, Floats]:
    """Of every modality that has a value."""
    by_modality = {}
    for name, where in modalities.items():
        usable = np.zeros(values.shape[1], dtype=np.bool_)
        usable[where] = ~np.isnan(values[0, where])
        if usable.any():
            by_modality[name] = resampled_means(values[:, usable], counts[usable])
    return by_modality


def _macro(values: Floats, modalities: Mapping[str, slice]) -> Floats:
    means = [
        np.nanmean(values[:, where], axis=1)
        for where in modalities.values()
        if not np.isnan(values[0, where]).all()
    ]
    return np.asarray(np.mean(means, axis=0), dtype=np.float64)


def _ratios(pairs: Pairs, counts: Counts, calibration: float | None) -> Iterator[TimeRatio]:
    values = pairs.values["wall_s"]
    with np.errstate(invalid="ignore", divide="ignore"):
        timed = pairs.finished & (values > 0).all(axis=0)
        logs = np.log(values)
    for where, indices in [("micro", slice(None)), *pairs.modalities.items()]:
        usable = np.zeros(len(timed), dtype=np.bool_)
        usable[indices] = timed[indices]
        n = int(usable.sum())
        if not n:
            continue
        sides = logs[:, usable]
        apart = paired_difference(sides, sides.mean(axis=1), resampled_means(sides, counts[usable]))
        ratio, interval = math.exp(apart.mean), None
        if apart.interval is not None:
            low, high = apart.interval
            interval = ResampledInterval(low=math.exp(low), high=math.exp(high))
        yield TimeRatio(
            where=where,
            n=n,
            ratio=ratio,
            interval=interval,
            corrected=ratio / calibration if calibration is not None else None,
            corrected_interval=_divided(interval, calibration),
        )


def _divided(interval: ResampledInterval | None, by: float | None) -> ResampledInterval | None:
    if interval is None or by is None:
        return None
    return ResampledInterval(low=interval.low / by, high=interval.high / by)


def _changes(pairs: Pairs) -> list[CaseChange]:
    return [
        CaseChange(
            case=a.case,
            modality=a.modality,
            outcome_a=str(a.outcome),
            outcome_b=str(b.outcome),
            dsc_a=a.value("dsc"),
            dsc_b=b.value("dsc"),
            nsd_a=a.value("nsd"),
            nsd_b=b.value("nsd"),
            change=_change(a.value("dsc"), b.value("dsc"))
            or _change(a.value("nsd"), b.value("nsd")),
        )
        for a, b in zip(pairs.scores_a, pairs.scores_b, strict=True)
    ]


def _change(a: float | None, b: float | None) -> float:
    if a is None or b is None or abs(b - a) <= _SAME:
        return 0.0
    return b - a


def _largest_first(changes: Iterator[CaseChange]) -> tuple[CaseChange, ...]:
    return tuple(sorted(changes, key=lambda c: (-abs(c.change), c.case)))


def _trade(pairs: Pairs, counts: Counts) -> Trade | None:
    points, actual = [], []
    for metric in ("wall_s", "dsc"):
        means = _means_by_modality(pairs.values[metric], pairs.modalities, counts)
        if not means:
            return None
        points.append(np.nanmean(np.stack(list(means.values())), axis=0))
        actual.append(_macro(pairs.values[metric], pairs.modalities))
    (time_a, time_b), (dsc_a, dsc_b) = points
    clouds = [
        tuple((float(t), float(d)) for t, d in zip(times[:_CLOUD], scores[:_CLOUD], strict=True))
        for times, scores in ((time_a, dsc_a), (time_b, dsc_b))
    ]
    return Trade(
        dsc_a=float(actual[1][0]),
        dsc_b=float(actual[1][1]),
        wall_s_a=float(actual[0][0]),
        wall_s_b=float(actual[0][1]),
        cloud_a=clouds[0],
        cloud_b=clouds[1],
        b_dominates=float(_dominates(time_b, dsc_b, time_a, dsc_a).mean()),
        a_dominates=float(_dominates(time_a, dsc_a, time_b, dsc_b).mean()),
    )


def _dominates(
    time: Floats, dsc: Floats, other_time: Floats, other_dsc: Floats
) -> npt.NDArray[np.bool_]:
    as_good = (time <= other_time) & (dsc >= other_dsc)
    return np.asarray(as_good & ((time < other_time) | (dsc > other_dsc)), dtype=np.bool_)
