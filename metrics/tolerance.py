"""Which offsets of the grid are within the tolerance: the one place where lengths are compared.

No distance map is needed to know whether an element of one surface has one of the other within the
tolerance: it is enough to look at the offsets of the ball of that radius, the nearest first, and
to stop at the first hit. The kernel does that for 64 elements at a time, and here is decided which
offsets it looks at. Only where the ball is very large does the exact Euclidean feature transform
take over; both decide alike.

Decisions at the tolerance itself are those of the reference, google-deepmind/surface-distance: the
distance sqrt(((a*s0)**2 + (b*s1)**2) + (c*s2)**2) in float64, inclusive. Offsets of one true length
can round to both sides of the tolerance (0.1 mm spacing at 0.9 mm: 9, 0, 0 and 8, 4, 1). Which of
them the reference measures, if an element has both, depends on which one its feature transform
found, so these few elements are decided by that same transform.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from metrics.arguments import Mask
from metrics.kernel.library import BALL_ROW

_Offsets = npt.NDArray[np.intp]
_Rows = npt.NDArray[np.void]

_MAX_ROWS = 20_000
_MAX_OFFSETS = 1_000_000
"""In a ball's bounding box. Beyond either the feature transform is cheaper."""

_MAX_REACH = 63
"""The most that the kernel looks to either side: less than a word of bits."""

_TIE = 1e-12
"""Distances this close to the tolerance, relatively, may have been rounded to either side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ball:
    """The offsets on a grid that are no further than the tolerance, and those just at it.

    Attributes:
        certain: rows of offsets that are within, nearest first.
        within: single offsets at the tolerance, and within it as float64 has it, where there are
            others of the same length that float64 has beyond it.
        beyond: these others.
    """

    certain: _Rows
    within: _Rows
    beyond: _Rows


def step_lengths(offsets: _Offsets, spacing_mm: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Lengths of (n, axes) offsets in mm, rounded as the reference rounds them."""
    total = np.zeros(len(offsets))
    for axis, spacing in enumerate(spacing_mm):  # one by one: the order decides the rounding
        total += (offsets[:, axis] * spacing) ** 2
    distances: npt.NDArray[np.float64] = np.sqrt(total)
    return distances


def _as_rows(offsets: _Offsets, order: tuple[int, ...]) -> _Rows:
    rows = np.zeros(len(offsets), dtype=BALL_ROW)
    for name, axis in zip(reversed(("a", "b", "reach")), reversed(order), strict=False):
        rows[name] = offsets[:, axis]
    return rows


@lru_cache(maxsize=64)
def ball_of(
    spacing_mm: tuple[float, ...],
    tolerance_mm: float,
    shape: tuple[int, ...],
    order: tuple[int, ...],
) -> Ball | None:
    """The ball of the tolerance's radius on the grid of corner points.

    Args:
        spacing_mm: two or three, in the axis order of `shape`.
        tolerance_mm: 0 or more; inclusive.
        shape: of the maps: no two corner points are further apart than this.
        order: the axes as the kernel has them; rows run along the last.

    Returns:
        None if the ball is too large to be looked through.
    """
    furthest = tolerance_mm * (1 + _TIE)
    reach = [
        int(min(furthest / spacing, length))
        for spacing, length in zip(spacing_mm, shape, strict=True)
    ]
    lengths = [2 * steps + 1 for steps in reach]
    rows = math.prod(lengths) // lengths[order[-1]]
    if rows > _MAX_ROWS or math.prod(lengths) > _MAX_OFFSETS or reach[order[-1]] > _MAX_REACH:
        return None
    grid = np.meshgrid(*(np.arange(-steps, steps + 1) for steps in reach), indexing="ij")
    # In the kernel's order, so that a row's offsets follow each other.
    offsets = np.stack([axis.transpose(order).ravel() for axis in grid], axis=-1)
    distances = step_lengths(offsets, spacing_mm)
    # no rounding can push the offset 0 out
    certain = (distances < tolerance_mm * (1 - _TIE)) | ~offsets.any(axis=1)
    tied = ~certain & (distances <= tolerance_mm * (1 + _TIE))
    within, beyond = tied & (distances <= tolerance_mm), tied & (distances > tolerance_mm)
    if not beyond.any():
        certain, within = certain | within, np.zeros_like(within)
    # A row is as long as its last offset says: the ball is convex, and symmetrical.
    chosen = offsets[certain & (offsets[:, order[-1]] >= 0)]
    is_last = np.ones(len(chosen), dtype=np.bool_)
    is_last[:-1] = (chosen[1:, order[:-1]] != chosen[:-1, order[:-1]]).any(axis=1)
    chosen = chosen[is_last]
    around = chosen.copy()
    around[:, order[-1]] = 0
    nearest_first = np.argsort(step_lengths(around, spacing_mm), kind="stable")
    return Ball(
        certain=_as_rows(chosen[nearest_first], order),
        within=_as_rows(offsets[within], order),
        beyond=_as_rows(offsets[beyond], order),
    )


def nearest_within(
    elements: Mask, other: Mask, *, spacing_mm: tuple[float, ...], tolerance_mm: float
) -> Mask:
    """Decide by each element's nearest element of the other surface, as the reference does.

    Args:
        elements: bool, 2D or 3D: the points of the grid to decide for.
        other: bool, of the same shape: the other surface's.
        spacing_mm: in the grid's axis order.
        tolerance_mm: inclusive.

    Returns:
        (n,), in the elements' order.
    """
    from scipy import ndimage  # rarely needed, and slow to import

    if not other.any():
        return np.zeros(np.count_nonzero(elements), dtype=np.bool_)
    nearest = ndimage.distance_transform_edt(
        ~other, sampling=spacing_mm, return_distances=False, return_indices=True
    )
    steps = nearest[:, elements].T - np.argwhere(elements)
    near: Mask = step_lengths(steps, spacing_mm) <= tolerance_mm
    return near
