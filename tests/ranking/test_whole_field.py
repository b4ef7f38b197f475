"""Friedman is scipy's, Nemenyi is Demsar's, and the permutation test is its own definition."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from evaluate.ranking.whole_field import (
    friedman,
    nemenyi_critical_difference,
    permutation_p_values,
)


def test_friedmans_test_is_scipys_with_ties() -> None:
    values = np.random.default_rng(0).integers(0, 5, size=(4, 25)).astype(float)
    found = friedman(rankdata(values, axis=0))
    expected = friedmanchisquare(*values)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-10)


def test_teams_that_tie_everywhere_have_no_friedman_statistic() -> None:
    assert np.isnan(friedman(np.full((3, 10), 2.0)).statistic)


def test_the_critical_difference_is_that_of_demsars_example() -> None:
    # Demsar 2006, section 3.2.2: four classifiers, 14 data sets, alpha 0.05: CD = 1.25.
    found = nemenyi_critical_difference(teams=4, cases=14, alpha=0.05)
    assert found == pytest.approx(1.25, abs=0.005)


@pytest.mark.parametrize("teams", [2, 3, 20, 50])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_the_critical_difference_uses_the_studentized_range(teams: int, alpha: float) -> None:
    q = studentized_range.ppf(1 - alpha, teams, np.inf)
    expected = q / np.sqrt(2) * np.sqrt(teams * (teams + 1) / (6 * 30))
    found = nemenyi_critical_difference(teams=teams, cases=30, alpha=alpha)
    assert found == pytest.approx(expected, rel=1e-6)


def test_permutation_p_values_are_the_shares_of_all_exchanges() -> None:
    contributions = np.random.default_rng(1).integers(1, 4, size=(3, 8)) / 8.0
    p, adjusted, permutations = permutation_p_values(contributions, np.random.default_rng(2))
    signs = np.array(list(product((-1, 1), repeat=8)))
    for pair, (a, b) in enumerate([(0, 1), (0, 2), (1, 2)]):
        differences = contributions[a] - contributions[b]
        exact = np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-12)
        # Five standard errors of the sampled share.
        slack = 5 * np.sqrt(exact * (1 - exact) / permutations) + 2 / permutations
        assert p[pair] == pytest.approx(exact, abs=slack)
    assert (adjusted >= p).all()


def test_equal_teams_differ_with_certainty_in_nothing() -> None:
    p, _, _ = permutation_p_values(np.ones((2, 10)), np.random.default_rng(0))
    assert p.tolist() == [1.0]


def test_fifty_teams_leave_room_for_a_significant_pair_after_holm() -> None:
    contributions = np.ones((50, 12)) / 12
    contributions[0] = 0.0
    _, adjusted, permutations = permutation_p_values(contributions, np.random.default_rng(0))
    assert 1225 / (permutations + 1) < 0.01
    assert adjusted[1:].max() == 1.0


def test_pairs_too_far_apart_to_be_looked_at_have_the_p_values_of_their_definition() -> None:
    """Every exchange of every pair, counted one by one in double precision."""
    generator = np.random.default_rng(4)
    values = generator.random((9, 21)) + 0.25 * np.arange(9)[:, np.newaxis]
    contributions = rankdata(values, axis=0) / 21
    p, _, permutations = permutation_p_values(contributions, np.random.default_rng(5))
    same, signs = np.random.default_rng(5), []
    for start in range(0, permutations, 2048):
        rows = min(2048, permutations - start)
        bits = np.frombuffer(same.bytes(rows * 3), np.uint8).reshape(rows, 3)
        signs.append(np.unpackbits(bits, axis=1, count=21) * 2.0 - 1.0)
    drawn = np.concatenate(signs)
    for found, a, b in zip(p, *np.triu_indices(9, k=1), strict=True):
        apart = contributions[a] - contributions[b]
        as_far = np.abs(drawn @ apart) >= abs(apart.sum()) - 1e-5 * np.abs(apart).sum()
        assert found == (1 + as_far.sum()) / (1 + permutations)
