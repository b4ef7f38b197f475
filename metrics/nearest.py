"""How far each point of one surface is from the nearest of another: by a tree, or by a transform.

A tree of the other surface's points takes memory and time by the points, and there are few where
masks have surfaces as organs have them. Where every other voxel is surface (noise), a transform of
the whole grid is cheaper. Both find a nearest point, and the distance is taken from the steps to it
in one and the same way.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from metrics.arguments import Mask
from metrics.tolerance import step_lengths

_Points: TypeAlias = npt.NDArray[np.intp]

_MAX_TREE_SHARE = 1 / 16
"""Of the grid's points; beyond it the transform is cheaper in time and memory."""

_SMALL = 10_000
"""Points for which a tree is always cheap."""

_AT_ONCE = 1 << 20
"""How many points are looked up at a time: some 100 MiB."""


def nearest_distances(
    own: Mask, other: Mask, *, spacing_mm: tuple[float, ...]
) -> npt.NDArray[np.float64]:
    """The distance from each point to the nearest of another surface.

    Args:
        own: bool, 2D or 3D: the points of the grid to measure from.
        other: bool, of the same shape: the other surface's.
        spacing_mm: in the grid's axis order.

    Returns:
        (n,), in the points' order; infinite where the other surface has no point.
    """
    distances = np.zeros(np.count_nonzero(own))
    if not other.any():
        return np.full_like(distances, np.inf)
    points = np.argwhere(own & ~other)
    if not len(points):
        return distances
    most = max(len(points), int(np.count_nonzero(other)))
    is_dense = most > max(_SMALL, _MAX_TREE_SHARE * other.size)
    nearest = (_by_transform if is_dense else _by_tree)(other, spacing_mm)
    lengths = np.empty(len(points))
    for first in range(0, len(points), _AT_ONCE):
        some = points[first : first + _AT_ONCE]
        lengths[first : first + _AT_ONCE] = step_lengths(nearest(some) - some, spacing_mm)
    distances[~other[own]] = lengths
    return distances


def _by_tree(other: Mask, spacing_mm: tuple[float, ...]) -> Callable[[_Points], _Points]:
    from scipy import spatial  # slow to import, and only needed here

    points = np.argwhere(other)
    # Grids are full of ties, at which a balanced tree loses more than it gains.
    tree = spatial.cKDTree(
        points * spacing_mm, leafsize=32, balanced_tree=False, compact_nodes=False
    )
    return lambda some: points[tree.query(some * spacing_mm)[1]]


def _by_transform(other: Mask, spacing_mm: tuple[float, ...]) -> Callable[[_Points], _Points]:
    from scipy import ndimage  # slow to import, and only needed here

    nearest = ndimage.distance_transform_edt(
        ~other, sampling=spacing_mm, return_distances=False, return_indices=True
    )
    return lambda some: nearest[(slice(None), *some.T)].T
