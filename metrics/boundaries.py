"""What stands for a mask's surface when distances are measured: elements with areas, or voxels.

Published scripts differ here before they differ in anything else, so every choice has a name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np
import numpy.typing as npt

from metrics.arguments import Mask
from metrics.surfaces import element_areas, surface_codes

_Areas = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """A definition of a mask's surface.

    Attributes:
        elements: `areas`, the surface elements of NSD, which lie at the corners of voxels and have
            an area each (google-deepmind/surface-distance); `voxels`, the voxels of the mask that
            have a neighbour outside it, all alike (MedPy, MONAI and most challenges' scripts).
        connectivity: of `voxels`: which neighbours count, 6, 18 or 26 (4, 8 and 8 in 2D). MedPy
            and MONAI take 6.
        open_border: of `voxels`: only neighbours inside the image count, so that a mask cut off by
            the image's border has no surface there. Elsewhere what lies outside is background.
    """

    elements: Literal["areas", "voxels"] = "areas"
    connectivity: Literal[6, 18, 26] = 6
    open_border: bool = False


AREAS = Boundary()
"""The surface that NSD has."""


def boundaries(
    masks: tuple[Mask, Mask], boundary: Boundary, *, spacing_mm: tuple[float, ...]
) -> tuple[list[Mask], list[_Areas | None]]:
    """Where two masks' surfaces are, on one grid.

    Args:
        masks: of one shape, 2D or 3D: the whole image where `open_border` is set.
        boundary: which definition.
        spacing_mm: in the masks' axis order.

    Returns:
        Two masks of points of the grid, and each one's areas in the points' order; None where all
        points count alike.
    """
    if boundary.elements == "areas":
        codes, surfaces = surface_codes(masks)
        areas = element_areas(spacing_mm)
        return surfaces, [areas[code[points]] for code, points in zip(codes, surfaces, strict=True)]
    return [_contour(mask, boundary) for mask in masks], [None, None]


def _contour(mask: Mask, boundary: Boundary) -> Mask:
    inside = np.pad(mask, 1, constant_values=boundary.open_border)
    axes = range(mask.ndim)
    kept: Iterable[Mask]
    match boundary.connectivity:
        case 6:
            kept = (_all_along(inside, axis) for axis in axes)
        case 18 if mask.ndim == 3:
            lines = [_all_along(inside, axis) for axis in axes]
            kept = [_all_along(lines[axis], (axis + 1) % 3) for axis in axes]
        case _:
            box = inside
            for axis in axes:
                box = _all_along(box, axis)
            kept = [box]
    interior = reduce(np.logical_and, kept)[(slice(1, -1),) * mask.ndim]
    return mask & ~interior


def _all_along(mask: Mask, axis: int) -> Mask:
    """Where a voxel and both of its neighbours along an axis are set; at the ends, those there."""
    before, after = (
        tuple(part if i == axis else slice(None) for i in range(mask.ndim))
        for part in (slice(None, -1), slice(1, None))
    )
    kept = mask.copy()
    kept[after] &= mask[before]
    kept[before] &= mask[after]
    return kept
