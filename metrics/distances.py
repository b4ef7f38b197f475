"""How far apart two surfaces are, measured once and read as any of the distances in use.

NSD only asks whether an element is near; these ask how far it is. Only the points of the surfaces
are looked up, in a tree, and no distance map is made: time and memory grow with the surfaces, not
with the box around them. Where every other voxel is surface (noise), a transform of the whole grid
is cheaper. Both find a nearest point, and the distance is taken from the steps to it in one and the
same way.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from metrics.arguments import Mask
from metrics.boundaries import AREAS, Boundary, boundaries
from metrics.label_extents import Box
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


Reading: TypeAlias = Literal["pooled", "directed", "voxel"]
"""How two directions become one percentile."""

_Values: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceDistances:
    """The distance from each point of one surface to the nearest of the other; both directions.

    Where one surface has no point, every reading is infinite; where neither has one, nan.

    Attributes:
        from_reference: of the reference's points, in mm or voxels.
        from_prediction: of the prediction's points.
        areas: what each point of the two counts for; None where all count alike.
    """

    from_reference: _Values
    from_prediction: _Values
    areas: tuple[_Values, _Values] | None

    @property
    def _directions(self) -> list[tuple[_Values, _Values | None]]:
        areas = self.areas or (None, None)
        return list(zip((self.from_reference, self.from_prediction), areas, strict=True))

    @property
    def _is_measured(self) -> bool:
        return bool(len(self.from_reference) and len(self.from_prediction))

    @property
    def _without_points(self) -> float:
        return math.inf if len(self.from_reference) or len(self.from_prediction) else math.nan

    def hausdorff(self) -> float:
        """The largest distance of all."""
        if not self._is_measured:
            return self._without_points
        return max(float(distances.max()) for distances, _ in self._directions)

    def percentile(self, percent: float, reading: Reading) -> float:
        """A robust Hausdorff distance.

        Args:
            percent: 0 to 100.
            reading: `directed`: in each direction the smallest distance within which this much
                of the surface's area lies, the larger of the two (google-deepmind/
                surface-distance, `compute_robust_hausdorff`). `voxel`: in each direction the
                percentile of the points' distances, interpolated linearly, the larger of the two
                (MONAI, `HausdorffDistanceMetric`; MetricsReloaded). `pooled`: that percentile of
                both directions in one list (MedPy, `hd95`).
        """
        if not self._is_measured:
            return self._without_points
        if reading == "directed":
            return max(_area_percentile(*direction, percent) for direction in self._directions)
        if reading == "voxel":
            return max(float(np.percentile(d, percent)) for d, _ in self._directions)
        both = np.concatenate([self.from_reference, self.from_prediction])
        return float(np.percentile(both, percent))

    def mean(self) -> float:
        """ASSD: the mean over both surfaces together, by area where points have one."""
        return self._pooled_mean(power=1)

    def mean_of_means(self) -> float:
        """MASD: the mean of the two directions' means (Metrics Reloaded, Nature Methods 2024)."""
        if not self._is_measured:
            return self._without_points
        return sum(_mean(*direction) for direction in self._directions) / 2

    def root_mean_square(self) -> float:
        """RMSD: the root of the mean square over both surfaces together."""
        return math.sqrt(self._pooled_mean(power=2))

    def _pooled_mean(self, *, power: int) -> float:
        if not self._is_measured:
            return self._without_points
        weighted, weight = 0.0, 0.0
        for distances, areas in self._directions:
            raised = distances**power
            weighted += float((raised if areas is None else raised * areas).sum())
            weight += len(raised) if areas is None else float(areas.sum())
        return weighted / weight


def measure_distances(
    reference: Mask, prediction: Mask, *, spacing_mm: tuple[float, ...], boundary: Boundary = AREAS
) -> SurfaceDistances:
    """Measure two masks' surfaces against each other.

    Args:
        reference: bool, 2D or 3D.
        prediction: bool, of the same shape.
        spacing_mm: in the masks' axis order; ones for distances in voxels.
        boundary: what a surface is.
    """
    box = _box_around(reference | prediction)
    points, areas = boundaries((reference[box], prediction[box]), boundary, spacing_mm=spacing_mm)
    own, other = areas
    return SurfaceDistances(
        from_reference=nearest_distances(*points, spacing_mm=spacing_mm),
        from_prediction=nearest_distances(*reversed(points), spacing_mm=spacing_mm),
        areas=None if own is None or other is None else (own, other),
    )


def _box_around(mask: Mask) -> Box:
    """The smallest box that holds a mask, and a voxel around it where the image has one."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(i for i in range(mask.ndim) if i != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        first, last = (int(filled[0]), int(filled[-1])) if len(filled) else (0, 0)
        box.append(slice(max(0, first - 1), last + 2))
    return tuple(box)


def _mean(distances: _Values, areas: _Values | None) -> float:
    if areas is None:
        return float(distances.mean())
    return float((distances * areas).sum() / areas.sum())


def _area_percentile(distances: _Values, areas: _Values | None, percent: float) -> float:
    """The smallest distance within which this much of the surface lies."""
    # Sorted and summed as the reference does: a surface's 95 % is often just 19 of 20 elements.
    areas = np.ones_like(distances) if areas is None else areas
    order = np.lexsort((areas, distances))
    covered = np.cumsum(areas[order]) / np.sum(areas[order])
    at = int(np.searchsorted(covered, percent / 100))
    return float(distances[order][min(at, len(order) - 1)])
