"""Agreement and consensus are scipy's and brute force's."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from evaluate.ranking.agreement import borda, kemeny, tau_b

PLACES = st.integers(2, 5).flatmap(
    lambda teams: st.lists(
        st.lists(st.integers(1, teams), min_size=teams, max_size=teams), min_size=1, max_size=5
    )
)


def distance(order: tuple[int, ...], places: np.ndarray) -> int:  # type: ignore[type-arg]
    """Symmetric difference of an order to all tasks, from its definition."""
    total = 0
    for task in places.T:
        for position, ahead in enumerate(order):
            for behind in order[position + 1 :]:
                total += 1 if task[ahead] == task[behind] else 2 * int(task[ahead] > task[behind])
    return total


@given(PLACES)
def test_tau_b_is_scipys(tasks: list[list[int]]) -> None:
    places = np.array(tasks, dtype=np.float64).T
    taus = tau_b(places, places[:, 0])
    for task, tau in enumerate(taus):
        expected = kendalltau(places[:, task], places[:, 0]).statistic
        assert tau == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)


@given(PLACES)
@settings(max_examples=50)
def test_kemeny_is_the_best_of_all_orders_and_says_how_many_are_as_good(
    tasks: list[list[int]],
) -> None:
    places = np.array(tasks, dtype=np.float64).T
    every = {order: distance(order, places) for order in permutations(range(len(places)))}
    best = kemeny(places)
    assert best.exact
    assert every[best.order] == best.distance == min(every.values())
    assert best.optima == sum(found == best.distance for found in every.values())


def test_above_the_exact_size_a_unanimous_order_is_found_and_called_inexact() -> None:
    order = np.random.default_rng(0).permutation(20)
    places = np.empty((20, 3))
    places[order] = np.arange(1.0, 21)[:, np.newaxis]
    best = kemeny(places)
    assert best.order == tuple(order)
    assert (best.distance, best.exact, best.optima) == (0, False, None)


def test_the_local_search_mends_what_borda_gets_wrong() -> None:
    # 15 teams: two of three tasks agree on an order; Borda is drawn away by the third.
    generator = np.random.default_rng(3)
    agreed = np.arange(1.0, 16)
    places = np.stack([agreed, agreed, generator.permutation(15) + 1.0], axis=1)
    best = kemeny(places)
    assert best.order == tuple(range(15))
    assert not np.array_equal(np.argsort(borda(places), kind="stable"), np.arange(15))


def test_two_tasks_that_contradict_each_other_have_no_unique_consensus() -> None:
    best = kemeny(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert (best.distance, best.optima) == (2, 2)
