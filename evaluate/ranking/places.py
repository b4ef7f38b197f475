"""The ranks of one set of values, or of many side by side."""

import itertools
import math

import numpy as np
import numpy.typing as npt

from evaluate.pairing import Bools, Counts, Floats
from evaluate.pairing.tied import tied_positions
from evaluate.ranking.settings import Ties


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


def shared_places(ranks: Floats, parted: Bools) -> Floats:
    """Places by which teams share the best one's from which no test parts them.

    From the first place on, every next team shares the place of the best of its group; the first
    that is parted from that one begins a group of its own.

    Args:
        ranks: (teams, 1).
        parted: whether a test parts two teams, (teams, teams), symmetric.

    Returns:
        (teams, 1).
    """
    places = np.empty_like(ranks)
    order = np.argsort(ranks[:, 0], kind="stable")
    best, place = order[0], 1
    for position, team in enumerate(order, start=1):
        if parted[best, team] and ranks[team, 0] > ranks[best, 0]:
            best, place = team, position
        places[team] = place
    return places


def weighted_median(values: Floats, usable: Bools, counts: Counts) -> Floats:
    """Medians of cases that count several times, for every replicate at once.

    Args:
        values: (teams, cases).
        usable: (cases,); others count nothing.
        counts: (cases, replicates).

    Returns:
        (teams, replicates), nan where nothing usable was drawn. Of an even number of values: the
        mean of the two in the middle.
    """
    kept, total = values[:, usable], counts[usable].sum(axis=0)
    small = int(total.max(initial=0)) < np.iinfo(np.int16).max
    kind: type[np.signedinteger] = np.int16 if small else np.int32
    drawn: npt.NDArray[np.signedinteger] = counts[usable].astype(kind)
    cases = len(drawn)
    medians = np.full((len(values), counts.shape[1]), np.nan)
    if not cases:
        return medians
    targets = [t.astype(drawn.dtype) for t in ((total + 1) // 2, total // 2 + 1)]
    order = np.argsort(kept, axis=1, kind="stable")
    # The median of a resample is hardly ever more than four standard deviations of its position,
    # twice the root of the cases, from the table's; only where it is, all cases are searched.
    reach = 4 + 2 * math.isqrt(cases)
    start, stop = max(cases // 2 - reach, 0), min(cases // 2 + reach, cases)
    outside = np.zeros(kept.shape)
    np.put_along_axis(outside, order[:, :start], 1.0, axis=1)
    below = (outside @ drawn.astype(np.float64)).astype(drawn.dtype)
    for team, row in enumerate(kept):
        middle = drawn[order[team, start:stop]]
        middle[0] += below[team]
        running_sums(middle)
        first, base = start, below[team]
        if (base >= targets[0]).any() or (middle[-1] < targets[1]).any():
            middle, first = drawn[order[team]], 0
            running_sums(middle)
        low, high = (
            row[order[team, np.minimum(first + np.count_nonzero(middle < t, axis=0), cases - 1)]]
            for t in targets
        )
        medians[team] = low + (high - low) / 2
    medians[:, total == 0] = np.nan
    return medians


def running_sums(rows: npt.NDArray[np.signedinteger]) -> None:
    """Cumulative sum along the first axis, in place; numpy's own is slower along that one."""
    for above, row in itertools.pairwise(rows):
        np.add(row, above, out=row)
