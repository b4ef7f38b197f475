"""Two sides' values of the same cases: the mean difference, its interval, and a test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from evaluate.pairing.draws import Floats
from evaluate.pairing.wilcoxon import signed_ranks

LEVEL = 0.95
"""Of all intervals."""
_FEWEST_FOR_AN_INTERVAL = 3
"""Resampling two cases gives four draws: an interval would feign certainty."""
_FEWEST_FOR_A_TEST = 6
"""Two-sided, five pairs can't be significant: 2 / 2**5 is over 0.05."""
_SAME = 1e-12
"""Differences up to this are rounding."""

_Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """The second side less the first.

    Attributes:
        n: cases.
        first, second: the sides' means.
        mean: of the difference.
        resampled: the difference in each replicate that has one.
        interval: holds it in 95 % of the replicates; None with fewer than three cases.
        p_value: of Wilcoxon's signed-rank test, two-sided, not adjusted; None with fewer than six
            cases that differ, of which no pattern would be significant.
    """

    n: int
    first: float
    second: float
    mean: float
    resampled: Floats
    interval: _Interval | None
    p_value: float | None

    @property
    def share_above(self) -> float:
        """Share of the replicates in which the second is larger, ties counted by half."""
        kept = self.resampled
        return float(((kept > 0) + 0.5 * (kept == 0)).mean()) if kept.size else 0.5


def as_pairs(first: Sequence[float | None], second: Sequence[float | None]) -> Floats:
    """Both sides' values as (2, cases); nan in both where either has none."""
    rows = [[np.nan if v is None else float(v) for v in side] for side in (first, second)]
    values = np.array(rows, dtype=np.float64)
    return np.where(np.isnan(values).any(axis=0), np.nan, values)


def paired_difference(values: Floats, means: Floats, resampled_means: Floats) -> PairedDifference:
    """How far two sides are apart.

    Args:
        values: (2, cases), finite: the first side, then the second.
        means: (2,) of the cases as they are, in whatever way the sides are averaged.
        resampled_means: (2, replicates), the same of the drawn cases; a replicate with a nan has
            none and is left out.
    """
    by_replicate = _rounded(resampled_means[1] - resampled_means[0])
    kept = by_replicate[~np.isnan(by_replicate)]
    n = values.shape[1]
    interval = None
    if n >= _FEWEST_FOR_AN_INTERVAL and kept.size:
        low, high = percentile_interval(kept)
        interval = float(low), float(high)
    return PairedDifference(
        n=n,
        first=float(means[0]),
        second=float(means[1]),
        mean=float(_rounded(means[1] - means[0])),
        resampled=kept,
        interval=interval,
        p_value=_p_value(values[1] - values[0]),
    )


def percentile_interval(resampled: Floats) -> tuple[Floats, Floats]:
    """The ends of the middle 95 % along the last axis, which holds no nan."""
    low, high = np.quantile(resampled, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=-1)
    return low, high


def _rounded(differences: Floats) -> Floats:
    return np.where(np.abs(differences) <= _SAME, 0.0, differences)


def _p_value(differences: Floats) -> float | None:
    moved = differences[np.abs(differences) > _SAME]
    if len(moved) < _FEWEST_FOR_A_TEST:
        return None
    return float(signed_ranks(moved[np.newaxis]).p_two_sided()[0, 0])
