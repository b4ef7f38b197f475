"""Which neighbours of a sorted column are equal."""

import numpy as np

from evaluate.pairing.draws import Floats

TOLERANCE = 1e-12
"""Relative difference up to which neighbouring values are equal: rounding parts no teams."""


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
