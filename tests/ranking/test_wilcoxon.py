"""Our signed-rank test is scipy's, with ties and zeros, and a case drawn m times is m cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from evaluate.pairing.wilcoxon import resampled_signed_ranks, signed_ranks
from evaluate.ranking.methods import adjusted

DIFFERENCES = st.lists(st.integers(-6, 6), min_size=1, max_size=40)


def scipys(differences: np.ndarray, alternative: str) -> float:  # type: ignore[type-arg]
    if not differences.any():
        return 1.0
    found = wilcoxon(
        differences,
        zero_method="wilcox",
        correction=True,
        alternative=alternative,
        method="asymptotic",
    )
    return float(found.pvalue)


@given(DIFFERENCES)
def test_p_values_are_scipys(differences: list[int]) -> None:
    row = np.array([differences], dtype=np.float64)
    tests = signed_ranks(row)
    for p, alternative in ((tests.p_greater(), "greater"), (tests.p_less(), "less")):
        assert p[0, 0] == pytest.approx(scipys(row[0], alternative), rel=1e-10)


@given(DIFFERENCES, st.integers(0, 2**32 - 1))
def test_a_case_drawn_m_times_is_m_cases(differences: list[int], seed: int) -> None:
    row = np.array(differences, dtype=np.float64)
    counts = np.random.default_rng(seed).integers(0, 4, size=(len(row), 5)).astype(np.int32)
    resampled = resampled_signed_ranks(row[np.newaxis], counts)
    for replicate in range(5):
        repeated = np.repeat(row, counts[:, replicate])
        if not len(repeated):
            continue
        alone = signed_ranks(repeated[np.newaxis])
        assert resampled.positive[0, replicate] == alone.positive[0, 0]
        assert resampled.n[0, replicate] == alone.n[0, 0]
        assert resampled.ties[0, replicate] == alone.ties[0, 0]


def test_thousands_of_cases_keep_their_rank_sums_exact() -> None:
    # All positive: the sum of 1 to 6001 is odd and above 2 to the 24th.
    row = np.random.default_rng(1).random(size=(1, 6001)) + 1.0
    once = np.ones((6001, 2), dtype=np.int32)
    assert resampled_signed_ranks(row, once).positive[0].tolist() == [6001 * 6002 / 2] * 2


def test_differences_that_are_all_zero_decide_nothing() -> None:
    tests = signed_ranks(np.zeros((1, 5)))
    assert tests.p_greater()[0, 0] == tests.p_less()[0, 0] == 1.0
    assert np.isnan(tests.rank_biserial()[0, 0])


def test_the_effect_size_is_the_share_of_rank_sums_for_less_against() -> None:
    # Sizes 1, 2, 3 with the smallest against: (2 + 3 - 1) / 6.
    assert signed_ranks(np.array([[-1.0, 2.0, 3.0]])).rank_biserial()[0, 0] == pytest.approx(2 / 3)


def test_adjusted_p_values_are_those_of_the_definitions() -> None:
    # Holm, rising: 5 x 0.005, 4 x 0.01, 3 x 0.02, then no less than before.
    # Benjamini and Hochberg, falling: 0.04, 5/4 x 0.03, 5/3 x 0.02, 5/2 x 0.01, 5 x 0.005.
    p = np.array([0.01, 0.02, 0.03, 0.04, 0.005])
    assert adjusted(p, "holm") == pytest.approx([0.04, 0.06, 0.06, 0.06, 0.025])
    assert adjusted(p, "bh") == pytest.approx([0.025, 0.1 / 3, 0.0375, 0.04, 0.025])
    assert adjusted(p, "none") is p
