"""The paired Wilcoxon signed-rank test, for many pairs and many resamples at once.

Zero differences are dropped, equal ones share their average rank, and the normal approximation is
corrected for ties and continuity: as `scipy.stats.wilcoxon(zero_method="wilcox", correction=True,
method="asymptotic")` and R's `wilcox.test(paired = TRUE, exact = FALSE)`.

It is the only definition in the house. The exact distribution would serve single comparisons of
few cases better, but it is not defined where sizes are tied or cases count twice, as in every
resample, and challengeR, whose p-values a ranking repeats, does not use it: two p-values for one
pair of teams, by which command was asked, would be worse than one that is approximate.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluate.pairing.draws import Counts, Floats
from evaluate.pairing.tied import tied_positions

_Drawn = npt.NDArray[np.float32] | npt.NDArray[np.float64]

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

    def p_two_sided(self) -> Floats:
        """p-value of the differences not being centred on zero; 1 where all are zero."""
        p: Floats = np.minimum(2 * np.minimum(self.p_greater(), self.p_less()), 1.0)
        return p

    def rank_biserial(self) -> Floats:
        """Effect size, -1 to 1: the shares of the rank sum for and against; nan where all are 0."""
        with np.errstate(invalid="ignore"):
            return (2 * self.positive - self.total) / np.where(self.n > 0, self.total, np.nan)

    def _p(self, rank_sum: Floats) -> Floats:
        from scipy.special import ndtr  # slow to import, and scoring never asks

        n = self.n
        variance = n * (n + 1) * (2 * n + 1) / 24 - self.ties / 48
        above = rank_sum - n * (n + 1) / 4 - 0.5
        with np.errstate(invalid="ignore", divide="ignore"):
            p: Floats = ndtr(-above / np.sqrt(variance))
        return np.where(n > 0, p, 1.0)


def signed_ranks(differences: Floats) -> SignedRanks:
    """Rank sums of each row of differences, (pairs, cases), every case once."""
    sizes = np.abs(differences)
    order = np.argsort(sizes, axis=1, kind="stable")
    first, last = tied_positions(np.take_along_axis(sizes, order, axis=1).T, tolerance=0.0)
    ascending = np.take_along_axis(differences, order, axis=1).T
    zeros = np.count_nonzero(ascending == 0, axis=0)
    t_squared = np.where(ascending != 0, (last - first + 1) ** 2 - 1, 0.0)
    ranks = (first + last) / 2 - zeros
    columns = {
        "positive": np.where(ascending > 0, ranks, 0.0).sum(axis=0),
        "n": (len(ascending) - zeros).astype(np.float64),
        "ties": t_squared.sum(axis=0),  # a group of t adds t squared - 1 for each of its t
    }
    return SignedRanks(**{name: values[:, np.newaxis] for name, values in columns.items()})


def resampled_signed_ranks(differences: Floats, counts: Counts) -> SignedRanks:
    """Rank sums of each row of differences in each resample.

    Args:
        differences: (pairs, cases).
        counts: how often each case counts, (cases, resamples).
    """
    largest = int(counts.sum(axis=0).max(initial=0))
    single = largest <= _EXACT_IN_FLOAT32
    drawn: _Drawn = counts.astype(np.float32) if single else counts.astype(np.float64)
    shape = (len(differences), counts.shape[1])
    positive, n, shared = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    alone = np.zeros(differences.shape)
    for pair, row in enumerate(differences):
        positive[pair], n[pair], shared[pair], untied = _one_pair(row, drawn)
        alone[pair, untied] = 1.0
    m = counts.astype(np.float64)
    return SignedRanks(
        positive=positive - (alone * (differences > 0)) @ (m * (m - 1) / 2),
        n=n,
        ties=shared + alone @ m**3 - n,
    )


def _one_pair(row: Floats, drawn: _Drawn) -> tuple[_Drawn, _Drawn, Floats, list[int]]:
    """What one pair's differences sum up to, each (resamples,).

    A group of t equal differences that ends at position C has ranks that average to
    C - (t - 1) / 2. Copies of one case are such a group; their second term is left to the caller,
    as it needs no order. Adding case by case keeps the sums in the processor's cache, which is
    faster than cumulative sums of the whole array.

    Returns:
        The positive rank sum, the number of differences, the sum of t cubed over groups of several
        cases, and the indices of the cases that are in no such group.
    """
    order = np.argsort(np.abs(row), kind="stable")[np.count_nonzero(row == 0) :]
    starts = np.flatnonzero(np.diff(np.abs(row[order]), prepend=-1.0)).tolist()
    wins, rows = (row[order] > 0).tolist(), [drawn[case] for case in order]
    position, positive, product = (np.zeros(drawn.shape[1], drawn.dtype) for _ in range(3))
    shared = np.zeros(drawn.shape[1])
    untied = []
    for start, stop in itertools.pairwise([*starts, len(order)]):
        if stop - start == 1:
            untied.append(int(order[start]))
            np.add(position, rows[start], out=position)
            if wins[start]:
                np.multiply(position, rows[start], out=product)
                np.add(positive, product, out=positive)
            continue
        group = drawn[order[start:stop]]
        size = group.sum(axis=0)
        position += size
        positive += (group[wins[start:stop]]).sum(axis=0) * (position - (size - 1) / 2)
        shared += size.astype(np.float64) ** 3
    return positive, position, shared, untied
