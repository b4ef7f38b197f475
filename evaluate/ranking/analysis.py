"""One metric over one modality, or over all cases: every method, test and interval of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluate.facts.ranking_record import (
    AggregatedPlace,
    MetricInterval,
    PlaceCertainty,
    TiedTeams,
    WholeFieldTest,
    WilcoxonTests,
)
from evaluate.pairing import Counts
from evaluate.ranking.bootstrap import certainty_of, metric_intervals
from evaluate.ranking.methods import METHODS, Method, metric_cases, once
from evaluate.ranking.pairwise import metric_tests, tied_groups
from evaluate.ranking.result import by_team, plain, rank_value
from evaluate.ranking.score_table import Column, Floats
from evaluate.ranking.settings import RankSettings
from evaluate.ranking.whole_field import friedman, nemenyi_critical_difference


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
