"""The places of a protocol's own scheme, and the test of its mean ranks."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from evaluate.facts.ranking_record import PermutationTests
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore, LabelScore
from evaluate.ranking.analysis import by_pair
from evaluate.ranking.label_columns import in_strata, with_label_columns
from evaluate.ranking.places import shared_places
from evaluate.ranking.scheme import Scheme
from evaluate.ranking.score_table import Bools, Column, ScoreTable, column, table_of
from evaluate.ranking.settings import RankSettings
from evaluate.ranking.whole_field import permutation_p_values


def places_of(
    scores: Sequence[CaseScore], protocol: Rules, *, labels: Iterable[LabelScore] = ()
) -> dict[str, float]:
    """Each team's place by the protocol's own scheme, as `rank` has it, and nothing else.

    Raises:
        RankingRefusedError: the table is not complete, or has no values to rank by.
    """
    settings = RankSettings.from_protocol(protocol)
    scores = with_label_columns(scores, labels, settings.columns)
    scores = in_strata(scores, settings.strata)
    table = table_of(scores, settings.columns)
    _, scheme = scheme_of(table, settings)
    standing = scheme.apply(np.ones((len(table.cases), 1)))
    if settings.equal == "significance":
        _, parted = permutation_tests(table, scheme, settings, np.random.default_rng(0))
        standing = replace(standing, rank=shared_places(standing.rank, parted))
    return {team: float(standing.rank[index, 0]) for index, team in enumerate(table.teams)}


def scheme_of(table: ScoreTable, settings: RankSettings) -> tuple[list[Column], Scheme]:
    """The ranked metrics of a table, and the scheme that makes places of them."""
    columns = [column(table, metric) for metric in settings.metrics]
    tie_breaks = [column(table, metric) for metric in settings.tie_breaks]
    return columns, Scheme(columns, settings, list(table.modalities.values()), tie_breaks)


def permutation_tests(
    table: ScoreTable, scheme: Scheme, settings: RankSettings, generator: np.random.Generator
) -> tuple[PermutationTests, Bools]:
    """The permutation test of the mean ranks, and which teams it parts."""
    p, p_adjusted, permutations = permutation_p_values(scheme.contributions(), generator)
    square = np.full((2, len(table.teams), len(table.teams)), np.nan)
    first, second = np.triu_indices(len(table.teams), k=1)
    square[:, first, second] = square[:, second, first] = np.stack([p, p_adjusted])
    tests = PermutationTests(
        statistic="difference of mean ranks within cases",
        alternative="two-sided",
        adjustment="holm",
        permutations=permutations,
        p=by_pair(table.teams, square[0]),
        p_adjusted=by_pair(table.teams, square[1]),
    )
    return tests, square[1] <= settings.alpha
