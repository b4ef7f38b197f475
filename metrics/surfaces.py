"""Labels' two surfaces, measured once: the areas, and the areas within tolerance.

The kernel counts surface elements by their codes; here the counts become areas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metrics import kernel
from metrics.arguments import Mask
from metrics.label_extents import LabelExtents, LabelMaps
from metrics.surface_elements import element_areas
from metrics.tolerance import ball_of, nearest_within

_LABELS_AT_ONCE = 256
"""How many labels' counts are held at a time: 8 KiB each."""

_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceOverlap:
    """Areas in mm² (contour lengths in mm in 2D).

    Attributes:
        reference_area: of the reference's surface.
        reference_area_within: the part of the reference's that is near the prediction's.
        prediction_area: of the prediction's surface.
        prediction_area_within: the part of the prediction's that is near the reference's.
    """

    reference_area: float
    reference_area_within: float
    prediction_area: float
    prediction_area_within: float

    @property
    def dice(self) -> float:
        """The area within tolerance over the whole, pooled over both surfaces; nan for none."""
        area = self.reference_area + self.prediction_area
        within = self.reference_area_within + self.prediction_area_within
        return within / area if area else float("nan")


def _neighbour_codes(mask: Mask) -> npt.NDArray[np.uint8]:
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


def surface_codes(masks: Sequence[Mask]) -> tuple[list[npt.NDArray[np.uint8]], list[Mask]]:
    """Every corner point's code, and whether it is a surface element, for masks of one shape."""
    codes = [_neighbour_codes(mask) for mask in masks]
    full = 2**2 ** masks[0].ndim - 1
    return codes, [(code != 0) & (code != full) for code in codes]


def _counts_by_nearest(
    masks: Sequence[Mask], spacing_mm: tuple[float, ...], tolerance_mm: float
) -> _Counts:
    """What the kernel counts, by a distance transform: for a ball that is too large to look at."""
    codes, surfaces = surface_codes(masks)
    counts = np.zeros((4, 2**2 ** masks[0].ndim), dtype=np.int64)
    for i, (code, own, other) in enumerate(zip(codes, surfaces, reversed(surfaces), strict=True)):
        elements = code[own]
        near = nearest_within(own, other, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm)
        counts[2 * i] = np.bincount(elements[near], minlength=counts.shape[1])
        counts[2 * i + 1] = np.bincount(elements[~near], minlength=counts.shape[1])
    return counts


def _code_order(order: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """For each code in the maps' own axis order, the code of the same corner in the kernel's."""
    axes = len(order)
    bits = np.zeros(2**axes, dtype=np.intp)
    for own in range(2**axes):
        steps = [own >> (axes - 1 - axis) & 1 for axis in range(axes)]
        bits[own] = sum(steps[axis] << (axes - 1 - i) for i, axis in enumerate(order))
    codes = np.arange(2**2**axes)
    moved = np.zeros_like(codes)
    for own, kernels in enumerate(bits):
        moved |= (codes >> own & 1) << kernels
    return moved


def surface_overlaps(
    maps: LabelMaps,
    extents: LabelExtents,
    tolerances_mm: Mapping[int, float],
    *,
    spacing_mm: tuple[float, ...],
) -> dict[int, SurfaceOverlap]:
    """Measure the surfaces of labels in both maps against each other.

    Args:
        maps: the reference and the prediction.
        extents: theirs.
        tolerances_mm: for each label to measure: an element counts as near up to this distance,
            inclusive. Either map may lack a label, not both.
        spacing_mm: in the maps' axis order.
    """
    overlaps = {}
    for tolerance in sorted(set(tolerances_mm.values())):
        labels = [label for label, its in tolerances_mm.items() if its == tolerance]
        for start in range(0, len(labels), _LABELS_AT_ONCE):
            some = labels[start : start + _LABELS_AT_ONCE]
            counts = _counted(maps, extents, some, spacing_mm, tolerance)
            counts[:, 1::2] += counts[:, 0::2]  # all elements, for those that are far
            # Each sum is over the codes in one order, so that the share of all of a surface in
            # itself is exactly 1.
            areas = (counts * element_areas(spacing_mm)).sum(axis=-1)
            for label, (reference_within, reference, prediction_within, prediction) in zip(
                some, areas.tolist(), strict=True
            ):
                overlaps[label] = SurfaceOverlap(
                    reference_area=reference,
                    reference_area_within=reference_within,
                    prediction_area=prediction,
                    prediction_area_within=prediction_within,
                )
    return overlaps


def _counted(
    maps: LabelMaps,
    extents: LabelExtents,
    labels: list[int],
    spacing_mm: tuple[float, ...],
    tolerance_mm: float,
) -> _Counts:
    """Elements of both surfaces, near and far, by code in the maps' own axis order.

    Returns:
        (labels, 4, codes), as the kernel counts them.
    """
    ball = ball_of(spacing_mm, tolerance_mm, maps.shape, maps.order)
    if ball is None:
        masks = (maps.masks(label, extents.box(label)) for label in labels)
        return np.stack([_counts_by_nearest(pair, spacing_mm, tolerance_mm) for pair in masks])
    known = maps.reference.surfaces
    is_known = np.array([label in known for label in labels], dtype=np.bool_)
    counts, disputed = kernel.measure_labels(
        *(m.for_kernel for m in maps.both),
        axes=len(maps.shape),
        labels=np.array(labels, dtype=np.int64),
        extents=extents.table[labels],
        ball=(ball.certain, ball.within, ball.beyond),
        spans=(maps.reference.sorted_spans, maps.prediction.sorted_spans),
        is_known=is_known,
    )
    for label, was_known, (near, far, *_) in zip(labels, is_known, counts, strict=True):
        if was_known:
            near[:] = known[label] - far
        else:
            known[label] = near + far
    if maps.order != tuple(range(len(maps.order))):
        counts = np.take(counts, _code_order(maps.order), axis=-1)  # contiguous, as it was
    for i in np.flatnonzero(disputed.any(axis=1)):
        # The reference's answer depends on which neighbour it found; only its own way tells.
        pair = maps.masks(labels[i], extents.box(labels[i]))
        counts[i] = _counts_by_nearest(pair, spacing_mm, tolerance_mm)
    return counts
