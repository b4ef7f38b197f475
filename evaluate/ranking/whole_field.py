"""Tests of all teams at once: Friedman with Nemenyi's critical difference, and a permutation test.

Both work on ranks within cases, so that a failure is last and neither scale nor skew matters.
"""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, ndtr

from evaluate.ranking.methods import adjusted
from evaluate.ranking.score_table import Floats

_CHUNK = 2048
_CHUNKS_AT_ONCE = 4
_FEWEST_PERMUTATIONS = 9_999
_BISECTION_END = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Friedman:
    """Whether the teams differ at all.

    Attributes:
        statistic: chi-squared, corrected for ties; nan where all teams tie in every case.
        p: its p-value, on teams - 1 degrees of freedom.
        mean_ranks: (teams,), ties at their average.
    """

    statistic: float
    p: float
    mean_ranks: Floats


def friedman(ranks: Floats) -> Friedman:
    """Friedman's test.

    Ranks are within each case, ties at their average, (teams, cases).
    """
    teams, cases = ranks.shape
    mean = ranks.mean(axis=1)
    spread = ((ranks - (teams + 1) / 2) ** 2).sum()
    between = cases * ((mean - (teams + 1) / 2) ** 2).sum()
    # The variance of the ranks themselves stands below: that is the correction for ties.
    statistic = (teams - 1) * cases * between / spread if spread > 0 else float("nan")
    p = float(chdtrc(teams - 1, statistic)) if spread > 0 else float("nan")
    return Friedman(statistic=float(statistic), p=p, mean_ranks=mean)


def nemenyi_critical_difference(*, teams: int, cases: int, alpha: float) -> float:
    """How far apart two mean ranks must be to differ significantly; nan for a single team."""
    if teams < 2:
        return float("nan")
    q = _studentized_range(teams, alpha) / np.sqrt(2)
    return float(q * np.sqrt(teams * (teams + 1) / (6 * cases)))


@functools.cache
def _studentized_range(teams: int, alpha: float) -> float:
    """Upper quantile of the range of so many standard normal values, by bisection.

    `scipy.stats.studentized_range` gives the same at infinite degrees of freedom; loading it takes
    longer than a whole ranking.
    """
    z = np.linspace(-9.0, 9.0, 2001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    low, high = 0.0, 20.0
    while high - low > _BISECTION_END:
        middle = (low + high) / 2
        # All other values lie within `middle` below the largest one, z.
        inside = teams * density * (ndtr(z) - ndtr(z - middle)) ** (teams - 1)
        if inside.sum() * (z[1] - z[0]) < 1 - alpha:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def permutation_p_values(
    contributions: Floats, generator: np.random.Generator
) -> tuple[Floats, Floats, int]:
    """Two-sided tests that two teams' mean ranks differ, by exchanging the two in random cases.

    Args:
        contributions: what each case adds to each team's mean rank, (teams, cases).
        generator: of the exchanges.

    Returns:
        Plain and Holm-adjusted p-values of the unordered pairs in the order of `triu_indices`, and
        the number of permutations: enough for the smallest adjusted p-value to be below 0.01.
    """
    first, second = np.triu_indices(len(contributions), k=1)
    permutations = max(_FEWEST_PERMUTATIONS, 200 * len(first))
    # Single precision is fast and its rounding is far below the slack of the comparison.
    matrix = np.ascontiguousarray(contributions.T, dtype=np.float32)
    observed = np.abs(contributions.sum(axis=1)[first] - contributions.sum(axis=1)[second])
    scale = np.abs(contributions[first] - contributions[second]).sum(axis=1)
    threshold = _in_single_precision(observed - 1e-5 * scale)
    as_far = np.zeros(len(first))
    waiting = [min(_CHUNK, permutations - at) for at in range(0, permutations, _CHUNK)]
    for at in range(0, len(waiting), _CHUNKS_AT_ONCE):
        drawn = [_exchanged(matrix, n, generator) for n in waiting[at : at + _CHUNKS_AT_ONCE]]
        sums = np.concatenate(drawn, axis=1)
        high, low = sums.max(axis=1), sums.min(axis=1)
        furthest = np.maximum(high[first] - low[second], high[second] - low[first])
        apart = np.empty_like(sums[0])
        for pair in np.flatnonzero(furthest >= threshold).tolist():
            np.subtract(sums[first[pair]], sums[second[pair]], out=apart)
            np.abs(apart, out=apart)
            as_far[pair] += np.count_nonzero(apart >= threshold[pair])
    p = (1 + as_far) / (1 + permutations)
    return p, adjusted(p, "holm"), permutations


def _exchanged(
    matrix: npt.NDArray[np.float32], permutations: int, generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Each team's sum over cases of random signs, (teams, permutations)."""
    cases = len(matrix)
    bits = np.frombuffer(generator.bytes(permutations * ((cases + 7) // 8)), dtype=np.uint8)
    signs = np.unpackbits(bits.reshape(permutations, -1), axis=1, count=cases).astype(np.float32)
    signs *= 2
    signs -= 1
    return np.ascontiguousarray((signs @ matrix).T)


def _in_single_precision(least: Floats) -> npt.NDArray[np.float32]:
    """The smallest number of single precision that is no smaller: comparisons stay the same."""
    near = least.astype(np.float32)
    return np.where(near < least, np.nextafter(near, np.float32(np.inf)), near)
