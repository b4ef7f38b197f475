"""Which elements of one surface have an element of the other within the tolerance.

No distance map is needed to know that. The other surface is widened by the ball of the tolerance's
radius, row of the ball by row, and an element is within tolerance where the widened surface covers
it. The cost does not depend on how far apart the surfaces are. Only where the ball is very large
does the exact Euclidean feature transform take over; both decide alike.

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
from scipy import ndimage

from metrics.arguments import Mask

__all__ = ["within_tolerance"]

_Offsets = npt.NDArray[np.intp]

_MAX_ROWS = 1_500
_MAX_OFFSETS = 200_000
"""In a ball's bounding box. Beyond either the feature transform is cheaper."""

_TIE = 1e-12
"""Distances this close to the tolerance, relatively, may have been rounded to either side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ball:
    """The offsets on a grid that are no further than the tolerance, and those just at it.

    Attributes:
        rows: nearer than the tolerance beyond rounding; (n, axes), each row of the ball with its
            half length in place of the last coordinate, shortest first.
        within: at the tolerance, and within it as float64 has it; (n, axes).
        beyond: at the tolerance, and beyond it as float64 has it; (n, axes).
    """

    rows: _Offsets
    within: _Offsets
    beyond: _Offsets


def _distances(offsets: _Offsets, spacing_mm: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Lengths of (n, axes) offsets in mm, rounded as the reference rounds them."""
    total = np.zeros(len(offsets))
    for axis, spacing in enumerate(spacing_mm):  # one by one: the order decides the rounding
        total += (offsets[:, axis] * spacing) ** 2
    distances: npt.NDArray[np.float64] = np.sqrt(total)
    return distances


@lru_cache(maxsize=16)
def _ball(spacing_mm: tuple[float, ...], tolerance_mm: float, reach: tuple[int, ...]) -> _Ball:
    """The ball, cut off at `reach` steps along each axis."""
    axes = [np.arange(-steps, steps + 1) for steps in reach]
    offsets = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    distances = _distances(offsets, spacing_mm)
    # no rounding can push the offset 0 out
    certain = (distances < tolerance_mm * (1 - _TIE)) | ~offsets.any(axis=1)
    tied = ~certain & (distances <= tolerance_mm * (1 + _TIE))
    rows = offsets[certain & (offsets[:, -1] >= 0)]
    # Offsets are in order, so a row's last is its longest.
    is_last = np.ones(len(rows), dtype=np.bool_)
    is_last[:-1] = (rows[1:, :-1] != rows[:-1, :-1]).any(axis=1)
    rows = rows[is_last]
    return _Ball(
        rows=rows[np.argsort(rows[:, -1], kind="stable")],
        within=offsets[tied & (distances <= tolerance_mm)],
        beyond=offsets[tied & (distances > tolerance_mm)],
    )


def _add_shifted(target: Mask, source: Mask, shift: int) -> None:
    """Set `target[i]` where `source[i + shift]` is set; both flat."""
    if shift >= 0:
        target[: target.size - shift] |= source[shift:]
    else:
        target[-shift:] |= source[:shift]


class _Widened:
    """A surface on a grid with empty margins, flat: a step on the grid is a plain shift."""

    def __init__(self, surface: Mask, reach: tuple[int, ...]) -> None:
        """Margins after each axis suffice: what leaves before a line comes into another's margin.

        Args:
            surface: 2D or 3D.
            reach: the longest step along each axis.
        """
        padded = np.pad(surface, [(0, steps) for steps in reach])
        self._inside = tuple(slice(length) for length in surface.shape)
        self._shape = padded.shape
        self._strides = [math.prod(padded.shape[axis + 1 :]) for axis in range(padded.ndim)]
        self._flat = padded.ravel()

    def by_offsets(self, offsets: _Offsets) -> Mask:
        """The grid's points that are one of the offsets from the surface."""
        covered = np.zeros_like(self._flat)
        for shift in (offsets @ self._strides).tolist():
            _add_shifted(covered, self._flat, shift)
        return covered.reshape(self._shape)[self._inside]

    def by_rows(self, rows: _Offsets) -> Mask:
        """The grid's points that are an offset of these rows from the surface.

        Args:
            rows: (n, axes), half lengths in place of the last coordinate, shortest first.
        """
        covered, longer = np.zeros_like(self._flat), self._flat.copy()
        length = 0
        shifts = rows[:, :-1] @ self._strides[:-1]
        for shift, half in zip(shifts.tolist(), rows[:, -1].tolist(), strict=True):
            while length < half:
                length += 1
                _add_shifted(longer, self._flat, length)
                _add_shifted(longer, self._flat, -length)
            _add_shifted(covered, longer, shift)
        return covered.reshape(self._shape)[self._inside]


def _nearest_within(
    elements: Mask, other: Mask, spacing_mm: tuple[float, ...], tolerance_mm: float
) -> Mask:
    """Decide by each element's nearest element of the other surface; (n,)."""
    nearest = ndimage.distance_transform_edt(
        ~other, sampling=spacing_mm, return_distances=False, return_indices=True
    )
    steps = nearest[:, elements].T - np.argwhere(elements)
    near: Mask = _distances(steps, spacing_mm) <= tolerance_mm
    return near


def within_tolerance(
    surface: Mask, other: Mask, *, spacing_mm: tuple[float, ...], tolerance_mm: float
) -> Mask:
    """Find the elements of a surface that the other comes within the tolerance of.

    Args:
        surface: bool, 2D or 3D: the points of the grid that are elements.
        other: bool, of the same shape: the other surface's.
        spacing_mm: in the grid's axis order.
        tolerance_mm: 0 or more; inclusive.

    Returns:
        Of the same shape: `surface` without the elements that are too far away.
    """
    if not other.any():
        return np.zeros_like(surface)
    furthest = tolerance_mm * (1 + _TIE)
    reach = tuple(
        int(min(furthest / spacing, length - 1))
        for spacing, length in zip(spacing_mm, surface.shape, strict=True)
    )
    lengths = [2 * steps + 1 for steps in reach]
    if math.prod(lengths[:-1]) > _MAX_ROWS or math.prod(lengths) > _MAX_OFFSETS:
        near = surface.copy()
        near[surface] = _nearest_within(surface, other, spacing_mm, tolerance_mm)
        return near
    ball = _ball(spacing_mm, tolerance_mm, reach)
    widened = _Widened(other, reach)
    near = surface & widened.by_rows(ball.rows)
    if len(ball.within):
        just = surface & ~near & widened.by_offsets(ball.within)
        near |= just
        if len(ball.beyond):
            disputed = just & widened.by_offsets(ball.beyond)
            if disputed.any():
                near[disputed] = _nearest_within(disputed, other, spacing_mm, tolerance_mm)
    return near
