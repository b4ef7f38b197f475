"""Metrics over cases: sums, errors and spreads; what has no value is left out."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.cohort import (
    STATISTICS,
    aggregated_dice,
    aggregated_f1,
    balanced_accuracy,
    by_group,
    determination,
)

COUNTS = st.lists(st.integers(0, 50), min_size=1, max_size=8)


def test_aggregated_dice_weighs_cases_by_their_volume():
    assert aggregated_dice([50, 0], [100, 2]) == pytest.approx(100 / 102)  # the mean were .5
    assert math.isnan(aggregated_dice([0, 0], [0, 0]))


@settings(max_examples=50, deadline=None)
@given(counts=COUNTS)
def test_one_case_s_aggregated_values_are_its_own(counts):
    tp, fp, fn = (counts * 3)[:3]
    own = aggregated_f1([tp], [fp], [fn])
    if tp + fp + fn:
        assert own == 2 * tp / (2 * tp + fp + fn)
    assert aggregated_f1([tp, tp], [fp, fp], [fn, fn]) == pytest.approx(own, nan_ok=True)


def test_statistics_leave_out_what_has_no_value():
    values = [1.0, float("nan"), 3.0, 8.0]
    found = {name: statistic(values) for name, statistic in STATISTICS.items()}
    assert found == {
        "mean": 4.0, "sd": pytest.approx(math.sqrt(13)), "min": 1.0, "q25": 2.0, "median": 3.0,
        "q75": 5.5, "max": 8.0, "rmse": pytest.approx(math.sqrt(74 / 3)), "sum": 12.0,
    }  # fmt: skip
    assert all(math.isnan(statistic([float("nan")])) for statistic in STATISTICS.values())
    assert math.isnan(STATISTICS["sd"]([1.0]))


def test_determination_is_one_for_a_perfect_count_and_negative_beyond_the_mean():
    assert determination([1, 2, 3], [1, 2, 3]) == 1
    assert determination([1, 2, 3], [2, 2, 2]) == 0
    assert determination([1, 2, 3], [3, 2, 1]) == -3
    assert (determination([2, 2], [2, 2]), determination([2, 2], [2, 3])) == (1, 0)


def test_balanced_accuracy_is_the_mean_recall_of_the_reference_s_classes():
    found = balanced_accuracy(["a", "a", "a", "b"], ["a", "a", "c", "c"])
    assert found == pytest.approx((2 / 3 + 0) / 2)


def test_groups_weigh_alike_whatever_their_sizes():
    columns = {"dsc": np.array([1.0, 1.0, 1.0, 0.0])}
    assert by_group(lambda some: float(some["dsc"].mean()), columns, list("aaab")) == 0.5
