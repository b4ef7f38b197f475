"""Old results beside new ones: mean changes, ratios, their intervals, and equivalence tests."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import ttest_1samp

from evaluate.documents.audit import Change, Ratio

__all__ = ["LEVEL", "change_of", "equivalence_p", "ratio_of"]

LEVEL = 0.95
"""Of the intervals."""

_Counts = npt.NDArray[np.int32]
_Floats = npt.NDArray[np.float64]
_FEWEST = 3


def change_of(
    old: Sequence[float | None],
    new: Sequence[float | None],
    counts: _Counts,
    *,
    margin: float | None,
    alpha: float,
) -> Change | None:
    """The paired change of a metric.

    Args:
        old: values, case by case.
        new: values, case by case.
        counts: how often each case was drawn, (cases, replicates).
        margin: of the equivalence test.
        alpha: its level.

    Returns:
        None where no case has a value in both.
    """
    first, second, drawn = _paired(old, new, counts)
    if not len(first):
        return None
    differences = second - first
    low, high = _interval(_means(differences, drawn), len(first))
    p = None if margin is None else equivalence_p(differences, margin)
    return Change(
        n=len(first),
        then=float(first.mean()),
        now=float(second.mean()),
        change=float(differences.mean()),
        low=low,
        high=high,
        largest=float(differences[np.abs(differences).argmax()]),
        margin=margin,
        p_equivalence=p,
        is_equivalent=not differences.any() or (p is not None and p < alpha),
    )


def equivalence_p(differences: _Floats, margin: float) -> float | None:
    """Two one-sided t-tests (Schuirmann 1987): the p-value of the mean being beyond the margin.

    None for fewer than three differences. Differences that are all alike leave nothing to test:
    then it is 0 within the margin, 1 beyond.
    """
    if len(differences) < _FEWEST:
        return None
    if np.ptp(differences) == 0:
        return 0.0 if abs(float(differences[0])) < margin else 1.0
    above = ttest_1samp(differences, -margin, alternative="greater").pvalue
    below = ttest_1samp(differences, margin, alternative="less").pvalue
    return float(max(above, below))


def ratio_of(
    old: Sequence[float | None],
    new: Sequence[float | None],
    counts: _Counts,
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
    positive = [[v if v is not None and v > 0 else None for v in values] for values in (old, new)]
    first, second, drawn = _paired(positive[0], positive[1], counts)
    if not len(first):
        return None
    logs = np.log(second / first)
    resampled = _means(logs, drawn)
    low, high = _raised(_interval(resampled, len(first)))
    machine, shift = None, np.zeros(len(resampled))
    if calibration is not None and all(len(samples) for samples in calibration):
        then, now = (np.asarray(samples, np.float64) for samples in calibration)
        machine = float(np.median(now) / np.median(then))
        shift = np.log(_medians(now, len(resampled), generator))
        shift -= np.log(_medians(then, len(resampled), generator))
    left_low, left_high = _raised(_interval(resampled - shift, len(first)))
    left = float(np.exp(logs.mean())) / (machine or 1.0)
    return Ratio(
        n=len(first),
        ratio=float(np.exp(logs.mean())),
        low=low,
        high=high,
        machine=machine,
        left=left,
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


def _paired(
    old: Sequence[float | None], new: Sequence[float | None], counts: _Counts
) -> tuple[_Floats, _Floats, _Counts]:
    both = [a is not None and b is not None for a, b in zip(old, new, strict=True)]
    first = np.array([v for v, keep in zip(old, both, strict=True) if keep], np.float64)
    second = np.array([v for v, keep in zip(new, both, strict=True) if keep], np.float64)
    return first, second, counts[np.array(both, bool)]


def _means(values: _Floats, counts: _Counts) -> _Floats:
    """Of each resample; those that drew none of these cases are left out."""
    total = counts.sum(axis=0)
    return np.asarray((values @ counts)[total > 0] / total[total > 0], np.float64)


def _interval(resampled: _Floats, cases: int) -> tuple[float, float] | tuple[None, None]:
    """Percentiles; nothing where resampling too few cases would feign certainty."""
    if cases < _FEWEST:
        return None, None
    low, high = np.quantile(resampled, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


def _raised(
    interval: tuple[float, float] | tuple[None, None],
) -> tuple[float, float] | tuple[None, None]:
    """Of logarithms, back to ratios."""
    low, high = interval
    return (None, None) if low is None or high is None else (math.exp(low), math.exp(high))


def _medians(samples: _Floats, replicates: int, generator: np.random.Generator) -> _Floats:
    drawn = generator.integers(0, len(samples), size=(replicates, len(samples)))
    return np.asarray(np.median(samples[drawn], axis=1), np.float64)
