"""Every team against every other: tests, wins, effect sizes, differences; and who is tied."""

from collections.abc import Sequence

import numpy as np
from msgspec import UNSET, UnsetType

from evaluate.facts.ranking_record import TiedTeams, WilcoxonTests
from evaluate.pairing import percentile_interval
from evaluate.pairing.wilcoxon import SignedRanks
from evaluate.ranking.methods import MetricCases, once, ordered_pairs
from evaluate.ranking.result import plain
from evaluate.ranking.score_table import Bools, Floats


def matrix(teams: int, ordered: Floats) -> Floats:
    """Values of the ordered pairs as a square, nan on the diagonal."""
    square = np.full((teams, teams), np.nan)
    square[ordered_pairs(teams)] = ordered
    return square


def by_pair(teams: Sequence[str], square: Floats) -> dict[str, dict[str, float | None]]:
    """A square by the names of the first and the second team, without the diagonal."""
    return {
        team: {other: plain(square[a, b]) for b, other in enumerate(teams) if b != a}
        for a, team in enumerate(teams)
    }


def metric_tests(
    teams: Sequence[str], cases: MetricCases, tests: SignedRanks, resampled_means: Floats
) -> tuple[WilcoxonTests, Bools]:
    """One-sided tests of all ordered pairs on one metric, and how large the differences are.

    Resampled means are (teams, replicates).

    Returns:
        The tests, and which pairs they part, (teams, teams).
    """
    k = len(teams)
    p, p_adjusted = (matrix(k, values[:, 0]) for values in cases.p_values(tests))
    effect = tests.rank_biserial()[:, 0]
    means = cases.aggregate("mean_then_rank", once(len(cases.usable)))[:, 0]
    low, high = _difference_intervals(resampled_means)
    wins = p_adjusted <= cases.settings.alpha
    tests_of_pairs = WilcoxonTests(
        cases=int(cases.usable.sum()),
        p=by_pair(teams, p),
        p_adjusted=by_pair(teams, p_adjusted),
        wins={
            team: tuple(other for b, other in enumerate(teams) if wins[a, b])
            for a, team in enumerate(teams)
        },
        rank_biserial=by_pair(teams, matrix(k, np.concatenate([effect, -effect]))),
        mean_difference=by_pair(teams, means[:, np.newaxis] - means),
        mean_difference_low=by_pair(teams, low),
        mean_difference_high=by_pair(teams, high),
    )
    return tests_of_pairs, wins | wins.T


def _difference_intervals(means: Floats) -> tuple[Floats, Floats]:
    """Percentile intervals of all differences of means; nan without replicates."""
    k = len(means)
    kept = means[:, ~np.isnan(means).any(axis=0)]
    low, high = np.full((k, k), np.nan), np.full((k, k), np.nan)
    if kept.shape[1]:
        first, second = np.triu_indices(k, k=1)
        below, above = percentile_interval(kept[first] - kept[second])
        low[first, second], high[first, second] = below, above
        low[second, first], high[second, first] = -above, -below
    return low, high


def tied_groups(
    teams: Sequence[str], places: Floats, differ: Bools, *, test: str | UnsetType = UNSET
) -> TiedTeams:
    """Which neighbours in the ranking no test can part.

    Returns:
        `groups`: the longest runs of the ranking in which no pair differs; they may overlap, as
        being tied is not transitive. `tied_with_first`: the best, and all that do not differ from
        every one of them.
    """
    order = sorted(range(len(teams)), key=lambda i: (places[i], teams[i]))
    groups: list[tuple[str, ...]] = []
    end = 0
    for start, _ in enumerate(order):
        stop = start + 1
        while stop < len(order) and not differ[order[stop], order[start:stop]].any():
            stop += 1
        if stop > end:
            groups.append(tuple(teams[i] for i in order[start:stop]))
            end = stop
    best = [i for i in order if places[i] == places[order[0]]]
    return TiedTeams(
        test=test,
        groups=tuple(groups),
        tied_with_first=tuple(teams[i] for i in order if not differ[i, best].all() or i in best),
    )
