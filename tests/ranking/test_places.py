"""The rank of one vector: ties as declared, rounding parts nobody, being equal is transitive."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from evaluate.ranking.places import break_ties, rank_columns


def ranks(values: list[float], ties: str = "min", *, higher: bool = False) -> list[float]:
    found = rank_columns(
        np.array(values, dtype=np.float64)[:, np.newaxis],
        higher_is_better=higher,
        ties=ties,  # type: ignore[arg-type]
    )
    return [float(rank) for rank in found[:, 0]]


@pytest.mark.parametrize("ties", ["min", "average", "max"])
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=12))
def test_ranks_are_scipys(ties: str, values: list[int]) -> None:
    numbers = [float(value) for value in values]
    assert ranks(numbers, ties) == rankdata(numbers, method=ties).tolist()
    assert ranks(numbers, ties, higher=True) == rankdata(np.negative(numbers), method=ties).tolist()


def test_one_ulp_does_not_break_a_tie() -> None:
    assert ranks([0.3, 0.1 + 0.2, 0.4]) == [1, 1, 3]


def test_a_difference_of_a_billionth_does() -> None:
    assert ranks([0.3, 0.3 * (1 + 1e-9)]) == [1, 2]


def test_the_tolerance_is_relative_so_that_tiny_values_differ() -> None:
    assert ranks([1e-20, 3e-20, 0.0]) == [2, 3, 1]


def test_a_chain_of_neighbours_within_the_tolerance_is_one_tie() -> None:
    chain = [1.0, 1.0 + 0.8e-12, 1.0 + 1.6e-12]
    assert ranks(chain) == [1, 1, 1]
    assert ranks(chain[::-1]) == [1, 1, 1]


def test_failures_share_the_places_behind_everyone_else() -> None:
    values = np.array([[9.0], [0.1], [0.1], [5.0]])
    failed = np.array([[True], [False], [False], [True]])
    for ties, expected in (
        ("min", [3, 1, 1, 3]),
        ("max", [4, 2, 2, 4]),
        ("average", [3.5, 1.5, 1.5, 3.5]),
    ):
        found = rank_columns(values, higher_is_better=True, ties=ties, failed=failed)  # type: ignore[arg-type]
        assert found[:, 0].tolist() == expected


def test_a_column_without_a_value_has_no_ranks_and_others_keep_theirs() -> None:
    found = rank_columns(np.array([[1.0, np.nan], [2.0, 1.0]]), higher_is_better=True, ties="min")
    assert found[:, 0].tolist() == [2, 1]
    assert np.isnan(found[:, 1]).all()


def test_ties_are_broken_by_the_next_level_only_among_equals() -> None:
    first = np.array([[1.0], [1.0], [2.0], [2.0]])
    second = np.array([[5.0], [4.0], [1.0], [1.0]])
    assert break_ties([first, second], ties="min")[:, 0].tolist() == [2, 1, 3, 3]
    assert break_ties([first, second], ties="average")[:, 0].tolist() == [2, 1, 3.5, 3.5]
