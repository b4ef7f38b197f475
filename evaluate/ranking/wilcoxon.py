"""The paired Wilcoxon signed-rank test, one-sided, for many pairs and many resamples at once.

Zero differences are dropped, equal ones share their average rank, and the normal approximation is
corrected for ties and continuity: as `scipy.stats.wilcoxon(zero_method="wilcox", correction=True,
method="asymptotic")` and R's `wilcox.test(paired = TRUE, exact = FALSE)`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from evaluate.ranking.resampling import Counts, running_sums
from evaluate.ranking.score_table import Floats

_Drawn = npt.NDArray[np.floating]

__all__ = ["SignedRanks", "signed_ranks"]

_EXACT_IN_FLOAT32 = 4000
"""Up to so many differences all rank sums are whole numbers (or halves) that float32 can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRanks:
    """Rank sums of differences; one column for each resample.

    Attributes:
        positive: sum of the ranks of positive differences, (pairs, resamples).
        n: differences that are not zero, each as often as it was drawn.
        ties: sum of t cubed - t over the groups of equal sizes.
    """

    positive: Floats
    n: Floats
    ties: Floats

    @property
    def total(self) -> Floats:
        """Sum of all ranks."""
        return self.n * (self.n + 1) / 2

    def p_greater(self) -> Floats:
        """p-value of the differences being greater than zero; 1 where all are zero."""
        return self._p(self.positive)

    def p_less(self) -> Floats:
        """p-value of the differences being less than zero; 1 where all are zero."""
        return self._p(self.total - self.positive)

    def rank_biserial(self) -> Floats:
        """Effect size, -1 to 1: the shares of the rank sum for and against; nan where all are 0."""
        with np.errstate(invalid="ignore"):
            return (2 * self.positive - self.total) / np.where(self.n > 0, self.total, np.nan)

    def _p(self, rank_sum: Floats) -> Floats:
        n = self.n
        variance = n * (n + 1) * (2 * n + 1) / 24 - self.ties / 48
        above = rank_sum - n * (n + 1) / 4 - 0.5
        with np.errstate(invalid="ignore", divide="ignore"):
            p: Floats = ndtr(-above / np.sqrt(variance))
        return np.where(n > 0, p, 1.0)


def signed_ranks(differences: Floats, counts: Counts) -> SignedRanks:
    """Rank sums of each row of differences in each resample.

    Args:
        differences: (pairs, cases).
        counts: how often each case counts, (cases, resamples).
    """
    largest = int(counts.sum(axis=0).max(initial=0))
    kind = np.float32 if largest <= _EXACT_IN_FLOAT32 else np.float64
    drawn = counts.astype(kind)
    cubes = counts.astype(np.float64) ** 3
    all_cubes = cubes.sum(axis=0)
    shape = (len(differences), counts.shape[1])
    positive, n, ties = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for pair, row in enumerate(differences):
        order = np.argsort(np.abs(row), kind="stable")
        zeros = np.count_nonzero(row == 0)
        if zeros == len(row):
            continue
        ascending, own = row[order[zeros:]], drawn[order[zeros:]]
        starts = np.flatnonzero(np.diff(np.abs(ascending), prepend=-1.0))
        wins = (ascending > 0).astype(kind)[:, np.newaxis]
        if len(starts) == len(ascending):
            t_cubed = all_cubes - cubes[order[:zeros]].sum(axis=0)
            positive[pair], n[pair] = _positive_sum(own * wins, own)
        else:
            won = np.add.reduceat(own * wins, starts, axis=0)
            own = np.add.reduceat(own, starts, axis=0)
            t_cubed = (own.astype(np.float64) ** 3).sum(axis=0)
            positive[pair], n[pair] = _positive_sum(won, own)
        ties[pair] = t_cubed - n[pair]
    return SignedRanks(positive=positive, n=n, ties=ties)


def _positive_sum(won: _Drawn, own: _Drawn) -> tuple[_Drawn, _Drawn]:
    """The rank sum of positive differences, and how many differences there are, by resample.

    A group of t equal differences ends at position C; its ranks average to C - (t - 1) / 2.

    Args:
        won: how many of each group are positive, (groups, resamples), smallest difference first.
        own: how many are in each group.
    """
    ranks = own.copy()
    running_sums(ranks)
    n = ranks[-1].copy()
    ranks -= (own - 1) / 2
    return np.einsum("gr,gr->r", won, ranks), n
