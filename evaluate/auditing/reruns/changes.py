"""Old results beside new ones: mean changes, ratios, their intervals, and equivalence tests."""

import math
from collections.abc import Sequence

import numpy as np

from evaluate.documents.audited_reruns import Change, Ratio
from evaluate.pairing import (
    Counts,
    Floats,
    PairedDifference,
    as_pairs,
    draw_counts,
    paired_difference,
    percentile_interval,
    resampled_means,
    resampled_medians,
)

_FEWEST = 3


def change_of(
    old: Sequence[float | None],
    new: Sequence[float | None],
    counts: Counts,
    *,
    margin: float | None,
    alpha: float,
) -> Change | None:
    """The paired change of a metric.

    Values are case by case; counts say how often each case was drawn, (cases, replicates).

    Returns:
        None where no case has a value in both.
    """
    values, apart = _paired(as_pairs(old, new), counts)
    if apart is None:
        return None
    differences = values[1] - values[0]
    low, high = apart.interval or (None, None)
    p = None if margin is None else equivalence_p(differences, margin)
    return Change(
        n=apart.n,
        then=apart.first,
        now=apart.second,
        change=apart.mean,
        low=low,
        high=high,
        largest=float(differences[np.abs(differences).argmax()]),
        margin=margin,
        p_equivalence=p,
        is_equivalent=not differences.any() or (p is not None and p < alpha),
    )


def equivalence_p(differences: Floats, margin: float) -> float | None:
    """Two one-sided t-tests (Schuirmann 1987): the p-value of the mean being beyond the margin.

    None for fewer than three differences. Differences that are all alike leave nothing to test:
    then it is 0 within the margin, 1 beyond.
    """
    if len(differences) < _FEWEST:
        return None
    if np.ptp(differences) == 0:
        return 0.0 if abs(float(differences[0])) < margin else 1.0
    from scipy.stats import ttest_1samp  # half a second to import, and only needed here

    above = ttest_1samp(differences, -margin, alternative="greater").pvalue
    below = ttest_1samp(differences, margin, alternative="less").pvalue
    return float(max(above, below))


def ratio_of(
    old: Sequence[float | None],
    new: Sequence[float | None],
    counts: Counts,
    *,
    calibration: tuple[Sequence[float], Sequence[float]] | None,
    margin: float | None,
    generator: np.random.Generator,
) -> Ratio | None:
    """The ratio of new to old values, and what of it the machine does not explain.

    Args:
        old: values, case by case; those that are not above 0 are left out.
        new: values, case by case; likewise.
        counts: how often each case was drawn, (cases, replicates).
        calibration: times of the fixed load during the old run and during the new one; None for a
            quantity that does not depend on the machine's speed.
        margin: within which what is left counts as equivalent.
        generator: of the resamples of the calibration.

    Returns:
        None where no case has a value in both.
    """
    first, second = (
        [math.log(v) if v is not None and v > 0 else None for v in side] for side in (old, new)
    )
    _, apart = _paired(as_pairs(first, second), counts)
    if apart is None:
        return None
    resampled, ratio = apart.resampled, math.exp(apart.mean)
    low, high = _raised(apart.interval)
    machine, shift = None, np.zeros(len(resampled))
    if calibration is not None and all(len(samples) for samples in calibration):
        then, now = (np.asarray(samples, np.float64) for samples in calibration)
        machine = float(np.median(now) / np.median(then))
        for samples, sign in ((now, 1), (then, -1)):
            drawn = draw_counts([slice(0, len(samples))], len(resampled), generator)
            shift += sign * np.log(resampled_medians(samples, drawn))
    left_low, left_high = None, None
    if apart.interval is not None:
        ends = percentile_interval(resampled - shift)
        left_low, left_high = _raised((float(ends[0]), float(ends[1])))
    return Ratio(
        n=apart.n,
        ratio=ratio,
        low=low,
        high=high,
        machine=machine,
        left=ratio / (machine or 1.0),
        left_low=left_low,
        left_high=left_high,
        margin=margin,
        is_equivalent=(
            margin is not None
            and left_low is not None
            and left_high is not None
            and 1 / margin < left_low
            and left_high < margin
        ),
    )


def _paired(values: Floats, counts: Counts) -> tuple[Floats, PairedDifference | None]:
    """The values that both have, and how far they are apart; None where there are none."""
    usable = ~np.isnan(values[0])
    kept = values[:, usable]
    if not usable.any():
        return kept, None
    drawn = resampled_means(kept, counts[usable])
    return kept, paired_difference(kept, kept.mean(axis=1), drawn)


def _raised(interval: tuple[float, float] | None) -> tuple[float, float] | tuple[None, None]:
    """Of logarithms, back to ratios."""
    return (None, None) if interval is None else (math.exp(interval[0]), math.exp(interval[1]))
