"""Medians of cases that count several times."""

import itertools
import math

import numpy as np
import numpy.typing as npt

from evaluate.pairing import Bools, Counts, Floats


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
