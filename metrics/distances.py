"""How far apart two surfaces are: Hausdorff distances and the mean surface distance.

Unlike NSD these need every element's distance, so they cost a distance transform of the label's
box. Elements count by their area, as for NSD. Definitions are those of google-deepmind/
surface-distance (`compute_robust_hausdorff`, `compute_average_surface_distance`), whose two
directions are pooled here: the greater of the Hausdorff distances, the mean over both surfaces.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metrics.arguments import Mask
from metrics.surface_elements import element_areas
from metrics.surfaces import surface_codes

__all__ = [
    "DirectedDistances",
    "directed_distances",
    "hausdorff",
    "mean_surface_distance",
    "percentile_hausdorff",
]

_Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectedDistances:
    """From each element of one surface to the other surface.

    Attributes:
        distances_mm: to the nearest element of the other, (elements,).
        areas: of the elements themselves, in mm², in 2D their lengths in mm, (elements,).
    """

    distances_mm: _Values
    areas: _Values


_Both = tuple[DirectedDistances, DirectedDistances]


def directed_distances(
    reference: Mask, prediction: Mask, *, spacing_mm: tuple[float, ...]
) -> _Both:
    """Measure both directions between the surfaces of two masks.

    Args:
        reference: bool, 2D or 3D, not empty.
        prediction: bool, of the same shape, not empty.
        spacing_mm: in the masks' axis order.
    """
    from scipy import ndimage  # slow to import, and only needed here

    codes, surfaces = surface_codes((reference, prediction))
    areas = element_areas(spacing_mm)
    first, second = (
        DirectedDistances(
            distances_mm=ndimage.distance_transform_edt(~other, sampling=spacing_mm)[own],
            areas=areas[code[own]],
        )
        for code, own, other in zip(codes, surfaces, reversed(surfaces), strict=True)
    )
    return first, second


def hausdorff(both: _Both) -> float:
    """The greatest distance, in mm."""
    return max(float(direction.distances_mm.max()) for direction in both)


def percentile_hausdorff(both: _Both, *, percent: float) -> float:
    """The greater of the two directions' percentiles over the surface's area, in mm."""
    return max(_percentile(direction, percent) for direction in both)


def mean_surface_distance(both: _Both) -> float:
    """The mean over the area of both surfaces, in mm."""
    weighted = sum(float((one.distances_mm * one.areas).sum()) for one in both)
    return weighted / sum(float(one.areas.sum()) for one in both)


def _percentile(direction: DirectedDistances, percent: float) -> float:
    """The smallest distance within which this much of the surface lies."""
    # Sorted and summed as the reference does: a surface's 95 % is often just 19 of 20 elements.
    distances, areas = direction.distances_mm, direction.areas
    order = np.lexsort((areas, distances))
    covered = np.cumsum(areas[order]) / np.sum(areas[order])
    at = int(np.searchsorted(covered, percent / 100))
    return float(distances[order][min(at, len(order) - 1)])
