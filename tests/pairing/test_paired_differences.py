"""One paired difference serves compare, re-runs and rankings; it is held against scipy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from evaluate.pairing import (
    as_pairs,
    draw_counts,
    paired_difference,
    resampled_means,
    resampled_medians,
)
from evaluate.pairing.wilcoxon import signed_ranks


def difference(first: list[float], second: list[float], replicates: int = 200):
    values = as_pairs(first, second)
    n = values.shape[1]
    counts = draw_counts([slice(0, n)], replicates, np.random.default_rng(0))
    return paired_difference(values, values.mean(axis=1), resampled_means(values, counts))


@pytest.mark.parametrize(("differing", "has_p"), [(1, False), (5, False), (6, True)])
def test_a_test_needs_six_cases_that_differ_as_no_pattern_of_five_is_significant(
    differing: int, has_p: bool
) -> None:
    first = [0.5] * 20
    second = [0.5 + 0.01 * (i + 1) if i < differing else 0.5 for i in range(20)]
    found = difference(first, second).p_value
    assert (found is not None) == has_p
    if found is not None:
        theirs = wilcoxon(second, first, correction=True, method="asymptotic").pvalue
        assert found == pytest.approx(theirs) and found < 0.05


@given(st.lists(st.integers(-5, 5).filter(bool), min_size=6, max_size=40))
def test_two_sided_p_values_are_scipys_ties_and_all(differences: list[int]) -> None:
    ours = signed_ranks(np.array([differences], float)).p_two_sided()[0, 0]
    theirs = wilcoxon(differences, correction=True, method="asymptotic").pvalue
    assert ours == pytest.approx(min(theirs, 1.0))


def test_two_cases_have_a_difference_and_no_interval() -> None:
    assert difference([0.1, 0.2], [0.3, 0.3]).interval is None
    found = difference([0.1, 0.2, 0.4], [0.3, 0.3, 0.4])
    assert found.interval is not None and found.mean == pytest.approx(0.1)


def test_swapping_the_sides_turns_everything_round() -> None:
    generator = np.random.default_rng(2)
    first, second = generator.random(30).tolist(), generator.random(30).tolist()
    there, back = difference(first, second), difference(second, first)
    assert there.interval is not None and back.interval is not None
    assert there.mean == pytest.approx(-back.mean)
    assert there.interval == pytest.approx((-back.interval[1], -back.interval[0]))
    assert there.share_above == pytest.approx(1 - back.share_above)
    assert there.p_value == pytest.approx(back.p_value)


def test_rounding_is_no_difference() -> None:
    first = [0.1 * i for i in range(1, 9)]
    found = difference(first, [value + 1e-15 for value in first])
    assert (found.mean, found.p_value, found.share_above) == (0.0, None, 0.5)


def test_a_value_that_one_side_lacks_counts_for_neither() -> None:
    values = as_pairs([0.1, None, 0.3], [None, 0.2, 0.4])
    assert np.isnan(values[:, :2]).all() and values[:, 2].tolist() == [0.3, 0.4]


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=12), st.integers(0, 99))
def test_a_resampled_median_is_numpys_of_the_cases_that_were_drawn(
    values: list[float], seed: int
) -> None:
    drawn = draw_counts([slice(0, len(values))], 5, np.random.default_rng(seed))
    again = [np.median(np.repeat(values, times)) for times in drawn.T]
    assert resampled_medians(np.array(values), drawn).tolist() == again
