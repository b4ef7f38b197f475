"""DSC and surface DSC of two masks, or of every label of two label maps: the public functions."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from metrics.arguments import (
    LabelMap,
    Tolerance,
    checked_dimension,
    checked_label_maps,
    checked_labels,
    checked_masks,
    checked_spacing,
    checked_tolerance,
    tolerance_of_each,
)
from metrics.label_extents import LabelExtent, count_labels, label_extents
from metrics.records import LabelScore
from metrics.surfaces import measure_surfaces

__all__ = ["dice", "false_positive_voxels", "score_labels", "surface_dice"]


def dice(reference: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """The Dice similarity coefficient: twice the shared volume over both volumes.

    Args:
        reference: bool, any shape.
        prediction: bool, of the same shape.

    Returns:
        0 to 1; nan if both are empty.

    Raises:
        MetricInputError: a dtype is not bool, or the shapes differ.

    >>> dice(np.array([True, True, False]), np.array([True, False, False]))
    0.6666666666666666
    """
    first, second = checked_masks(reference, prediction)
    voxels = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    return 2 * int(np.count_nonzero(first & second)) / voxels if voxels else float("nan")


def surface_dice(
    reference: npt.ArrayLike,
    prediction: npt.ArrayLike,
    *,
    spacing_mm: Sequence[float],
    tolerance_mm: float,
) -> float:
    """The normalised surface distance: the share of both surfaces that is within tolerance.

    Args:
        reference: bool, (H, W) for contours or (D, H, W) for surfaces; what lies outside the
            array is background.
        prediction: bool, of the same shape.
        spacing_mm: in the arrays' axis order.
        tolerance_mm: inclusive.

    Returns:
        0 to 1; 0 if one is empty, nan if both are.

    Raises:
        MetricInputError: a dtype is not bool, the shapes differ or are not 2D or 3D, a spacing is
            not a positive number, or the tolerance is negative or not finite.

    >>> square = np.zeros((8, 8), dtype=bool)
    >>> square[2:6, 2:6] = True
    >>> surface_dice(square, np.roll(square, 1, axis=1), spacing_mm=(1, 1), tolerance_mm=1)
    1.0
    """
    first, second = checked_masks(reference, prediction)
    checked_dimension(first.ndim)
    spacing = checked_spacing(spacing_mm, first.ndim)
    tolerance = checked_tolerance(tolerance_mm)
    (box,) = ndimage.find_objects((first | second).view(np.uint8), max_label=1)
    if box is None:
        return float("nan")
    return measure_surfaces(
        first[box], second[box], spacing_mm=spacing, tolerance_mm=tolerance
    ).dice


def score_labels(
    reference: npt.ArrayLike,
    prediction: npt.ArrayLike,
    *,
    spacing_mm: Sequence[float],
    tolerance_mm: Tolerance,
    labels: Sequence[int] | None = None,
) -> list[LabelScore]:
    """Score every label of two label maps.

    A 2D map is measured by its contours. As an (H, W, 1) array with three spacings it is measured
    as the challenges' scripts do, as a slab whose inside is surface too.

    Args:
        reference: any integer dtype, (H, W) or (D, H, W); 0 is background, labels up to 65535.
        prediction: the same shape; labels that are not scored are as background.
        spacing_mm: in the arrays' axis order.
        tolerance_mm: one for all labels, a mapping from labels, or with `labels` one for each.
        labels: which to score; None for those of the reference, rising. A label that neither map
            has scores nan.

    Returns:
        One score for each label, in the order of `labels`.

    Raises:
        MetricInputError: a dtype is not an integer's, the shapes differ or are not 2D or 3D, a
            label is out of range, or a spacing or tolerance is not a usable length.

    >>> reference = np.array([[0, 1, 1], [0, 2, 2]])
    >>> prediction = np.array([[0, 1, 1], [0, 0, 2]])
    >>> [s.dsc for s in score_labels(reference, prediction, spacing_mm=(1, 1), tolerance_mm=1)]
    [1.0, 0.6666666666666666]
    """
    first, second = checked_label_maps(reference, prediction)
    spacing = checked_spacing(spacing_mm, first.ndim)
    wanted = None if labels is None else checked_labels(labels)
    extents = label_extents(first, second, wanted)
    tolerances = tolerance_of_each(
        tolerance_mm, [extent.label for extent in extents], labels_given=labels is not None
    )
    return [
        LabelScore(
            label=extent.label,
            dsc=extent.dice,
            nsd=_label_surface_dice(first, second, extent, spacing, tolerance),
            reference_voxels=extent.reference_voxels,
            prediction_voxels=extent.prediction_voxels,
        )
        for extent, tolerance in zip(extents, tolerances, strict=True)
    ]


def _label_surface_dice(
    reference: LabelMap,
    prediction: LabelMap,
    extent: LabelExtent,
    spacing_mm: tuple[float, ...],
    tolerance_mm: float,
) -> float:
    if extent.box is None:
        return float("nan")
    if not extent.reference_voxels or not extent.prediction_voxels:
        return 0.0
    return measure_surfaces(
        reference[extent.box] == extent.label,
        prediction[extent.box] == extent.label,
        spacing_mm=spacing_mm,
        tolerance_mm=tolerance_mm,
    ).dice


def false_positive_voxels(reference: npt.ArrayLike, prediction: npt.ArrayLike) -> dict[int, int]:
    """The labels that the prediction has and the reference has nowhere.

    Args:
        reference: any integer dtype, (H, W) or (D, H, W).
        prediction: the same shape.

    Returns:
        The voxels of each such label, labels rising.

    Raises:
        MetricInputError: a dtype is not an integer's, the shapes differ, or a label is out of
            range.

    >>> false_positive_voxels(np.array([[0, 1]]), np.array([[7, 1]]))
    {7: 1}
    """
    counts = count_labels(*checked_label_maps(reference, prediction))
    extra = np.flatnonzero((counts.reference == 0) & (counts.prediction > 0))
    return {int(label): int(counts.prediction[label]) for label in extra if label > 0}
