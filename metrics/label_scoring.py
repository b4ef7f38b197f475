"""DSC and surface DSC of two masks, or of every label of two label maps: the public functions."""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from metrics.arguments import (
    Tolerance,
    checked_dimension,
    checked_masks,
    checked_spacing,
    checked_tolerance,
)
from metrics.comparison import Comparison, LabelValues, PreparedReference
from metrics.label_extents import LabelExtents, LabelMaps
from metrics.surfaces import surface_overlaps

__all__ = [
    "Comparison",
    "LabelValues",
    "PreparedReference",
    "dice",
    "false_positive_voxels",
    "score_labels",
    "surface_dice",
]


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
    maps = LabelMaps.of(first.view(np.uint8), second.view(np.uint8))
    extents = LabelExtents.of(maps)
    of_first, of_second, _ = extents.voxels(1)
    if not (of_first and of_second):
        return 0.0 if of_first or of_second else float("nan")
    return surface_overlaps(maps, extents, {1: tolerance}, spacing_mm=spacing)[1].dice


def score_labels(
    reference: npt.ArrayLike,
    prediction: npt.ArrayLike,
    *,
    spacing_mm: Sequence[float],
    tolerance_mm: Tolerance,
    labels: Sequence[int] | None = None,
    further: Collection[str] = (),
    min_iou: float = 0.5,
) -> list[LabelValues]:
    """Score every label of two label maps.

    A 2D map is measured by its contours. As an (H, W, 1) array with three spacings it is measured
    as the challenges' scripts do, as a slab whose inside is surface too.

    Further metrics are those of `METRICS`, among them `iou`, intersection over union; `sensitivity`
    and `precision`, the share of the reference and of the prediction that both have;
    `volume_difference`, how much larger or smaller the prediction is, in % of the reference;
    `hd` and `hd95`, the Hausdorff distance and its 95th percentile, and `assd`, the mean distance
    between the surfaces, in mm; `lesion_f1`, detection of connected objects. What is not asked for
    costs nothing.

    Args:
        reference: any integer dtype, (H, W) or (D, H, W); 0 is background, labels up to 65535.
        prediction: the same shape; labels that are not scored are as background.
        spacing_mm: in the arrays' axis order.
        tolerance_mm: one for all labels, a mapping from labels, or with `labels` one for each.
        labels: which to score; None for those of the reference, rising. A label that neither map
            has scores nan.
        further: metrics to compute besides DSC and NSD.
        min_iou: of `lesion_f1`: the intersection over union from which an object is detected.

    Returns:
        One score for each label, in the order of `labels`. A label that one map lacks has the
        value 0 or, of a distance, infinity.

    Raises:
        MetricInputError: a dtype is not an integer's, the shapes differ or are not 2D or 3D, a
            label is out of range, a spacing or tolerance is not a usable length, or a metric is
            not known.

    >>> reference = np.array([[0, 1, 1], [0, 2, 2]])
    >>> prediction = np.array([[0, 1, 1], [0, 0, 2]])
    >>> [s.dsc for s in score_labels(reference, prediction, spacing_mm=(1, 1), tolerance_mm=1)]
    [1.0, 0.6666666666666666]
    """
    return Comparison(reference, prediction, copied=False).scores(
        spacing_mm=spacing_mm,
        tolerance_mm=tolerance_mm,
        labels=labels,
        further=further,
        min_iou=min_iou,
    )


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
    return Comparison(reference, prediction, copied=False).surplus
