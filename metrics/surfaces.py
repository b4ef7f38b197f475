"""One label's two surfaces, measured once: the areas, and the areas within tolerance.

This is the fused step that every surface metric reduces. It sees one label's box, and what it
allocates is bounded by that box.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metrics.arguments import Mask
from metrics.surface_elements import element_areas
from metrics.tolerance import within_tolerance

__all__ = ["SurfaceOverlap", "measure_surfaces", "neighbour_codes"]

_CHUNK_ELEMENTS = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceOverlap:
    """Areas in mm² (contour lengths in mm in 2D).

    Attributes:
        reference_area: of the reference's surface.
        prediction_area: of the prediction's surface.
        reference_area_within: the part of the reference's that is near the prediction's.
        prediction_area_within: the part of the prediction's that is near the reference's.
    """

    reference_area: float
    prediction_area: float
    reference_area_within: float
    prediction_area_within: float

    @property
    def dice(self) -> float:
        """The area within tolerance over the whole, pooled over both surfaces; nan for none."""
        area = self.reference_area + self.prediction_area
        within = self.reference_area_within + self.prediction_area_within
        return within / area if area else float("nan")


def neighbour_codes(mask: Mask) -> npt.NDArray[np.uint8]:
    """The code of every corner point of the grid; what lies outside the array is background.

    Args:
        mask: 2D or 3D.

    Returns:
        C-contiguous, one longer than the mask along each axis; element (0, 0, 0) is the corner
        before the first voxel.
    """
    codes = np.pad(mask.astype(np.uint8, order="C"), 1)
    bits = 1  # of the codes so far: of one voxel, of a pair, of a square
    for axis in reversed(range(mask.ndim)):
        every = (slice(None),) * axis
        before, after = codes[(*every, slice(None, -1))], codes[(*every, slice(1, None))]
        codes = before | np.left_shift(after, bits, dtype=np.uint8)
        bits *= 2
    return codes


def _area(codes: npt.NDArray[np.uint8], areas: npt.NDArray[np.float64]) -> float:
    """The sum of the elements' areas.

    Counting the codes first makes it independent of the elements' order, and the share of all of a
    surface in itself exactly 1.
    """
    counts = np.zeros(areas.size, dtype=np.int64)
    for start in range(0, codes.size, _CHUNK_ELEMENTS):  # numpy counts in 8-byte integers
        counts += np.bincount(codes[start : start + _CHUNK_ELEMENTS], minlength=areas.size)
    return float(counts @ areas)


def measure_surfaces(
    reference: Mask, prediction: Mask, *, spacing_mm: tuple[float, ...], tolerance_mm: float
) -> SurfaceOverlap:
    """Measure the surfaces of two masks against each other.

    Args:
        reference: bool, 2D or 3D, cropped to the smallest box that holds both masks.
        prediction: bool, of the same shape.
        spacing_mm: in the arrays' axis order.
        tolerance_mm: an element counts as near up to this distance, inclusive.
    """
    areas = element_areas(spacing_mm)
    codes = neighbour_codes(reference), neighbour_codes(prediction)
    surfaces = tuple((code != 0) & (code != areas.size - 1) for code in codes)
    within = (
        within_tolerance(surface, other, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm)
        for surface, other in zip(surfaces, reversed(surfaces), strict=True)
    )
    measured = [
        (_area(code[surface], areas), _area(code[near], areas))
        for code, surface, near in zip(codes, surfaces, within, strict=True)
    ]
    return SurfaceOverlap(
        reference_area=measured[0][0],
        reference_area_within=measured[0][1],
        prediction_area=measured[1][0],
        prediction_area_within=measured[1][1],
    )
