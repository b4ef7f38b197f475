"""Which surface elements have one of the other surface within the tolerance.

No distance map is needed to know that. Around each element the offsets of the ball of the
tolerance's radius are tried, nearest first, until one hits; with a good prediction that is one of
the first. Where the ball is large or most tries miss, the exact Euclidean feature transform bounds
the cost instead; both decide alike.

Decisions at the tolerance itself are those of the reference, google-deepmind/surface-distance: the
distance sqrt(((a*s0)**2 + (b*s1)**2) + (c*s2)**2) in float64, inclusive. Offsets of one true length
can round to both sides of the tolerance (0.4 mm spacing at 2 mm: 5, 0, 0 and 3, 4, 0). Which of
them the reference measures, if an element has both, depends on which one its feature transform
found, so these few elements are decided by that same transform.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from metrics.arguments import Mask

__all__ = ["within_tolerance"]

_Indices = npt.NDArray[np.intp]

_MAX_CANDIDATES = 40_000
"""Offsets in a ball's bounding box; larger balls are left to the feature transform."""

_TRIES_PER_POINT = 16
"""Tries for each point of the box after which the feature transform is cheaper."""

_TRIES_AT_ONCE = 1 << 16

_TIE = 1e-12
"""Distances this close to the tolerance, relatively, may have been rounded to either side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ball:
    """Offsets of the grid up to the tolerance and just beyond, nearest first.

    Attributes:
        offsets: (n, axes).
        certain: how many, from the first, are nearer than the tolerance beyond rounding.
        accepted: of the rest, which are within the tolerance as float64 has it; bool.
    """

    offsets: _Indices
    certain: int
    accepted: Mask


def _distances(offsets: _Indices, spacing_mm: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Lengths of (n, axes) offsets in mm, rounded as the reference rounds them."""
    total = np.zeros(len(offsets))
    for axis, spacing in enumerate(spacing_mm):  # one by one: the order decides the rounding
        total += (offsets[:, axis] * spacing) ** 2
    distances: npt.NDArray[np.float64] = np.sqrt(total)
    return distances


@lru_cache(maxsize=16)
def _ball(spacing_mm: tuple[float, ...], tolerance_mm: float) -> _Ball | None:
    """The ball, or None where it would be too large to search."""
    beyond = tolerance_mm * (1 + _TIE)
    reach = [beyond / spacing for spacing in spacing_mm]
    if np.prod([2 * length + 1 for length in reach]) > _MAX_CANDIDATES:
        return None
    axes = [np.arange(-int(length), int(length) + 1) for length in reach]
    offsets = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    distances = _distances(offsets, spacing_mm)
    order = np.argsort(distances, kind="stable")
    order = order[distances[order] <= beyond]
    offsets, distances = offsets[order], distances[order]
    # At least the offset 0, which no rounding can push out.
    certain = max(1, int(np.searchsorted(distances, tolerance_mm * (1 - _TIE))))
    return _Ball(offsets=offsets, certain=certain, accepted=distances[certain:] <= tolerance_mm)


def _nearest_within(
    elements: _Indices, other: Mask, spacing_mm: tuple[float, ...], tolerance_mm: float
) -> Mask:
    """Decide by each element's nearest element of the other surface."""
    nearest = ndimage.distance_transform_edt(
        ~other, sampling=spacing_mm, return_distances=False, return_indices=True
    )
    found = nearest.reshape(other.ndim, -1)[:, elements].T
    here = np.stack(np.unravel_index(elements, other.shape), axis=1)
    near: Mask = _distances(found - here, spacing_mm) <= tolerance_mm
    return near


def within_tolerance(
    elements: _Indices, other: Mask, *, spacing_mm: tuple[float, ...], tolerance_mm: float
) -> Mask:
    """Decide for each element whether the other surface comes within the tolerance of it.

    Args:
        elements: flat indices into `other`'s grid, (n,).
        other: the other surface, 2D or 3D, C-contiguous; at least as large as where it is set.
        spacing_mm: in the grid's axis order.
        tolerance_mm: 0 or more; inclusive.

    Returns:
        (n,).
    """
    near: Mask = other.ravel()[elements]
    left = np.flatnonzero(~near)
    if not left.size or not other.any():
        return near
    ball = _ball(spacing_mm, tolerance_mm)
    if ball is not None:
        near[left], decided = _search(elements[left], other, ball)
        left = left[~decided]
    if left.size:
        near[left] = _nearest_within(elements[left], other, spacing_mm, tolerance_mm)
    return near


def _search(elements: _Indices, other: Mask, ball: _Ball) -> tuple[Mask, Mask]:
    """Try the ball's offsets around each element: whether one hit, and whether that is decided."""
    possible: Mask = np.all(np.abs(ball.offsets) < other.shape, axis=1)
    certain = ball.offsets[: ball.certain][possible[: ball.certain]]
    tied = ball.offsets[ball.certain :][possible[ball.certain :]]
    accepted = ball.accepted[possible[ball.certain :]]

    # A margin as wide as the ball makes every try a plain index.
    margin = np.abs(np.concatenate([certain, tied])).max(axis=0)
    padded = np.pad(other, [(width, width) for width in margin])
    strides = np.array(padded.strides)
    here = np.stack(np.unravel_index(elements, other.shape), axis=1) + margin
    places, field = here @ strides, padded.ravel(order="K")  # as the strides have it

    near = np.zeros(elements.size, dtype=np.bool_)
    decided = np.ones(elements.size, dtype=np.bool_)
    left = np.arange(elements.size)
    tries = _TRIES_PER_POINT * other.size
    steps = certain @ strides
    while left.size and steps.size:
        count = max(1, _TRIES_AT_ONCE // left.size)
        tries -= left.size * min(count, steps.size)
        if tries < 0:
            decided[left] = False
            return near, decided
        hit = field[places[left, np.newaxis] + steps[:count]].any(axis=1)
        near[left[hit]] = True
        left, steps = left[~hit], steps[count:]

    # What is left has nothing nearer than the tolerance, but may have something just at it.
    at_tolerance = {True: np.zeros_like(left, np.bool_), False: np.zeros_like(left, np.bool_)}
    for step, is_within in zip(tied @ strides, accepted.tolist(), strict=True):
        at_tolerance[is_within] |= field[places[left] + step]
    near[left] = at_tolerance[True]
    decided[left] = ~(at_tolerance[True] & at_tolerance[False])
    return near, decided
