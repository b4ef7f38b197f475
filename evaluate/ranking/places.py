"""The ranks of one set of values, or of many side by side."""

import numpy as np

from evaluate.ranking.score_table import Bools, Floats
from evaluate.ranking.settings import Ties

__all__ = ["TOLERANCE", "break_ties", "rank_columns", "tied_positions"]

TOLERANCE = 1e-12
"""Relative difference up to which neighbouring values are equal: rounding parts no teams."""


def rank_columns(
    values: Floats, *, higher_is_better: bool, ties: Ties, failed: Bools | None = None
) -> Floats:
    """Rank the rows within each column; 1 is best.

    Sorted neighbours within 1e-12 of each other, relatively, are equal, and so is a whole chain of
    them: being equal is transitive. Failed rows share the last places, whatever their values.

    Args:
        values: (rows, columns), finite; in a column with a nan all ranks are nan.
        higher_is_better: which values come first.
        ties: the rank that equal values share.
        failed: (rows, columns); None for no failures.

    Returns:
        (rows, columns).

    >>> rank_columns(
    ...     np.array([[0.9], [0.5], [0.9]]), higher_is_better=True, ties="min"
    ... ).ravel().tolist()
    [1.0, 3.0, 1.0]
    """
    keys = -values if higher_is_better else values
    if failed is not None:
        keys = np.where(failed, np.inf, keys)
    order = np.argsort(keys, axis=0, kind="stable")
    first, last = tied_positions(np.take_along_axis(keys, order, axis=0))
    shared = {"min": first, "max": last, "average": (first + last) / 2}[ties]
    ranks = np.empty_like(shared)
    np.put_along_axis(ranks, order, shared, axis=0)
    ranks[:, np.isnan(values).any(axis=0)] = np.nan
    return ranks


def tied_positions(ascending: Floats, *, tolerance: float = TOLERANCE) -> tuple[Floats, Floats]:
    """Of each value, sorted within its column: first and last position, from 1, of its equals."""
    low, high = ascending[:-1], ascending[1:]
    with np.errstate(invalid="ignore"):  # infinity less infinity: two failures
        apart = high - low > tolerance * np.maximum(np.abs(low), np.abs(high))
    apart |= np.isfinite(low) & np.isinf(high)
    rows = len(ascending)
    position = np.arange(1.0, rows + 1)[:, np.newaxis]
    starts = np.ones_like(ascending)
    starts[1:] = np.where(apart, position[1:], 1.0)
    ends = np.full_like(ascending, rows)
    ends[:-1] = np.where(apart, position[:-1], rows)
    first = np.maximum.accumulate(starts, axis=0)
    last = np.minimum.accumulate(ends[::-1], axis=0)[::-1]
    return first, last


def break_ties(levels: list[Floats], *, ties: Ties) -> Floats:
    """Rank by the first level, equal ones by the next, and so on.

    Args:
        levels: at least one, each (rows, columns), where lower is better.
        ties: the rank that rows share which are equal on every level.

    Returns:
        Ranks, (rows, columns).
    """
    combined = rank_columns(levels[0], higher_is_better=False, ties="min")
    for level in levels[1:]:
        within = rank_columns(level, higher_is_better=False, ties="min")
        combined = combined + within / (len(within) + 1.0)
        combined = rank_columns(combined, higher_is_better=False, ties="min")
    return rank_columns(combined, higher_is_better=False, ties=ties)
