"""The five ways from a metric's values to places, each over any cases and any resamples.

Rank the teams in each case and aggregate the ranks, or aggregate the values and rank once, by mean
or median; or count the significant wins over other teams.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from evaluate.pairing import Counts
from evaluate.pairing.tied import TOLERANCE
from evaluate.pairing.wilcoxon import SignedRanks, resampled_signed_ranks, signed_ranks
from evaluate.ranking.places import rank_columns, weighted_median
from evaluate.ranking.scheme import case_ranks
from evaluate.ranking.score_table import Bools, Column, Floats
from evaluate.ranking.settings import Adjustment, RankSettings


def adjusted(p: Floats, method: Adjustment) -> Floats:
    """Adjust along the first axis: Holm, Benjamini and Hochberg, or not at all.

    >>> adjusted(np.array([0.01, 0.04, 0.03]), "holm").tolist()
    [0.03, 0.06, 0.06]
    """
    if method == "none" or not len(p):
        return p
    tests = len(p)
    order = np.argsort(p, axis=0, kind="stable")
    rising = np.take_along_axis(p, order, axis=0)
    rank = np.arange(1, tests + 1).reshape(-1, *[1] * (p.ndim - 1))
    if method == "holm":
        stepped = np.maximum.accumulate((tests - rank + 1) * rising, axis=0)
    else:
        scaled = tests / rank * rising
        stepped = np.minimum.accumulate(scaled[::-1], axis=0)[::-1]
    result = np.empty_like(stepped)
    np.put_along_axis(result, order, np.minimum(stepped, 1.0), axis=0)
    return result


Method = Literal[
    "rank_then_mean", "rank_then_median", "mean_then_rank", "median_then_rank", "test_then_rank"
]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCases:
    """One metric over the cases of a modality, or over all, prepared for every method.

    Attributes:
        settings: ties, tests.
        values, ranks: (teams, cases).
        usable: (cases,).
        higher_is_better: of the values.
    """

    settings: RankSettings
    values: Floats
    ranks: Floats
    usable: Bools
    higher_is_better: bool

    def aggregate(self, method: Method, counts: Counts) -> Floats:
        """What the method ranks by: mean or median rank or value, or the share of wins.

        Counts say how often each case counts, (cases, resamples).

        Returns:
            (teams, resamples), nan where no usable case was drawn.
        """
        compat = self.settings.compat == "challenger"
        match method:
            case "rank_then_mean" if compat:
                return self._pooled_rank_mean(counts)
            case "rank_then_median" if compat:
                return self._pooled_rank_median(counts)
            case "rank_then_mean":
                return self._mean(self.ranks, counts)
            case "rank_then_median":
                return weighted_median(self.ranks, self.usable, counts)
            case "mean_then_rank":
                return self._mean(self.values, counts)
            case "median_then_rank":
                return weighted_median(self.values, self.usable, counts)
            case "test_then_rank":
                drawn = np.minimum(counts, 1) if compat else counts
                share = self.share_of_wins(self.p_values(self.tests(drawn))[1])
                return np.where(counts[self.usable].any(axis=0), share, np.nan)

    def places(self, method: Method, aggregate: Floats) -> Floats:
        """The places that an aggregate of a method gives, (teams, resamples)."""
        by_rank = method in ("rank_then_mean", "rank_then_median")
        higher = method == "test_then_rank" or (self.higher_is_better and not by_rank)
        return rank_columns(aggregate, higher_is_better=higher, ties=self.settings.ties)

    def tests(self, counts: Counts | None = None) -> SignedRanks:
        """Signed ranks of every unordered pair of teams; positive where the first is better.

        Args:
            counts: how often each case counts, (cases, resamples); None for every case once.
        """
        first, second = np.triu_indices(len(self.values), k=1)
        ahead = self.values[first] - self.values[second]
        scale = np.maximum(np.abs(self.values[first]), np.abs(self.values[second]))
        ahead = np.where(np.abs(ahead) > TOLERANCE * scale, ahead, 0.0)
        if not self.higher_is_better:
            ahead = -ahead
        if counts is None:
            return signed_ranks(ahead[:, self.usable])
        return resampled_signed_ranks(ahead[:, self.usable], counts[self.usable])

    def p_values(self, tests: SignedRanks) -> tuple[Floats, Floats]:
        """Plain and adjusted p-values of all ordered pairs (see `ordered_pairs`)."""
        p = np.concatenate([tests.p_greater(), tests.p_less()])
        return p, adjusted(p, self.settings.adjustment)

    def share_of_wins(self, p: Floats) -> Floats:
        """Of the other teams, how many each team beats significantly, (teams, resamples).

        Args:
            p: adjusted p-values of all ordered pairs, (pairs, resamples).
        """
        teams = len(self.values)
        winner, _ = ordered_pairs(teams)
        wins = np.zeros((teams, p.shape[1]))
        np.add.at(wins, winner, (p <= self.settings.alpha).astype(np.float64))
        return wins / max(teams - 1, 1)

    def _mean(self, values: Floats, counts: Counts) -> Floats:
        weights = counts[self.usable].astype(np.float64)
        with np.errstate(invalid="ignore"):
            mean: Floats = values[:, self.usable] @ weights / weights.sum(axis=0)
        return mean

    def _pooled_rank_mean(self, counts: Counts) -> Floats:
        """As challengeR: m copies of a case are ranked as one, so that it weighs m squared.

        Among m copies of each team's value, the rank r becomes m (r - 1) + 1, m r or in between.
        """
        m = counts[self.usable].astype(np.float64)
        shift = {"min": 1.0, "average": 0.5, "max": 0.0}[self.settings.ties]
        with np.errstate(invalid="ignore"):
            mean: Floats = (
                (self.ranks[:, self.usable] - shift) @ m**2 + shift * m.sum(axis=0)
            ) / m.sum(axis=0)
        return mean

    def _pooled_rank_median(self, counts: Counts) -> Floats:
        shift = {"min": 1.0, "average": 0.5, "max": 0.0}[self.settings.ties]
        medians = np.full((len(self.ranks), counts.shape[1]), np.nan)
        for replicate, m in enumerate(counts[self.usable].T):
            if m.any():
                pooled = m * (self.ranks[:, self.usable] - shift) + shift
                medians[:, replicate] = np.median(np.repeat(pooled, m, axis=1), axis=1)
        return medians


def metric_cases(column: Column, settings: RankSettings, where: slice) -> MetricCases:
    """Prepare one metric over a slice of the cases."""
    part = column.within(where)
    return MetricCases(
        settings=settings,
        values=np.where(part.usable, part.values, 0.0),
        ranks=case_ranks(part, settings.ties),
        usable=part.usable,
        higher_is_better=part.higher_is_better,
    )


def once(cases: int) -> Counts:
    """Every case once: the counts of the table itself."""
    return np.ones((cases, 1), dtype=np.int32)


def ordered_pairs(teams: int) -> tuple[np.typing.NDArray[np.intp], np.typing.NDArray[np.intp]]:
    """Indices of the better and the worse team of each test, in the order of the p-values."""
    first, second = np.triu_indices(teams, k=1)
    return np.concatenate([first, second]), np.concatenate([second, first])
