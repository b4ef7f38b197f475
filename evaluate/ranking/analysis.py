"""One metric over one modality, or over all cases: every method, test and interval of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec import UNSET, UnsetType

from evaluate.facts.ranking_record import (
    AggregatedPlace,
    MetricInterval,
    PlaceCertainty,
    TiedTeams,
    WholeFieldTest,
    WilcoxonTests,
)
from evaluate.pairing import Counts, percentile_interval
from evaluate.pairing.wilcoxon import SignedRanks
from evaluate.ranking.bootstrap import certainty_of, metric_intervals
from evaluate.ranking.methods import METHODS, Method, MetricCases, metric_cases, once, ordered_pairs
from evaluate.ranking.result import by_team, plain, rank_value
from evaluate.ranking.score_table import Bools, Column, Floats
from evaluate.ranking.settings import RankSettings
from evaluate.ranking.whole_field import friedman, nemenyi_critical_difference


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What ranking.json says of one metric over one set of cases.

    Attributes:
        places: by method, (teams,).
        methods: by method, then team, the aggregate and the place.
        bootstrap: by method, the certainty of its places.
        wilcoxon, friedman: the tests.
        groups: of teams that the Wilcoxon tests do not part.
        intervals: by team.
    """

    places: dict[Method, Floats]
    methods: dict[Method, dict[str, AggregatedPlace]]
    bootstrap: dict[Method, PlaceCertainty]
    wilcoxon: WilcoxonTests
    friedman: WholeFieldTest
    groups: TiedTeams
    intervals: dict[str, MetricInterval]


def analyse(
    teams: Sequence[str],
    column: Column,
    settings: RankSettings,
    where: slice,
    counts: Counts,
    *,
    resampled: Collection[Method],
) -> Analysis:
    """Analyse one metric over a slice of the cases.

    Counts are resamples of all cases, (cases, replicates).
    """
    cases, counts = metric_cases(column, settings, where), counts[where]
    alone = once(len(cases.usable))
    tests = cases.tests()
    values = {
        method: (
            cases.share_of_wins(cases.p_values(tests)[1])
            if method == "test_then_rank"
            else cases.aggregate(method, alone)
        )
        for method in METHODS
    }
    places = {method: cases.places(method, values[method])[:, 0] for method in METHODS}
    draws = {method: cases.aggregate(method, counts) for method in METHODS if method in resampled}
    means = draws.get("mean_then_rank", np.empty((len(teams), 0)))
    medians = draws.get("median_then_rank", np.empty((len(teams), 0)))
    wilcoxon, differ = metric_tests(teams, cases, tests, means)
    return Analysis(
        places=places,
        methods={
            method: {
                team: AggregatedPlace(
                    value=plain(values[method][i, 0]), rank=rank_value(places[method][i])
                )
                for i, team in enumerate(teams)
            }
            for method in METHODS
        },
        bootstrap={
            method: certainty_of(teams, cases.places(method, aggregate), places[method])
            for method, aggregate in draws.items()
            if counts.shape[1]
        },
        wilcoxon=wilcoxon,
        friedman=_friedman(teams, column, settings, where),
        groups=tied_groups(teams, places["mean_then_rank"], differ),
        intervals=metric_intervals(teams, cases, medians),
    )


def _friedman(
    teams: Sequence[str], column: Column, settings: RankSettings, where: slice
) -> WholeFieldTest:
    averaged = metric_cases(column, replace(settings, ties="average"), where)
    cases = int(averaged.usable.sum())
    if not cases:
        return WholeFieldTest(cases=0)
    test = friedman(averaged.ranks[:, averaged.usable])
    return WholeFieldTest(
        cases=cases,
        statistic=plain(test.statistic),
        degrees_of_freedom=len(teams) - 1,
        p=plain(test.p),
        mean_ranks=by_team(teams, test.mean_ranks),
        nemenyi_critical_difference=plain(
            nemenyi_critical_difference(teams=len(teams), cases=cases, alpha=settings.alpha)
        ),
    )
