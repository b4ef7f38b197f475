"""Checks of what callers pass in: arrays that fit each other, spacings, tolerances and labels.

Everything that numpy would quietly broadcast, wrap round or turn into nan is refused here, so that
the measuring code needs no second thoughts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from metrics.errors import MetricInputError

Mask: TypeAlias = npt.NDArray[np.bool_]
LabelMap: TypeAlias = npt.NDArray[np.integer]
Tolerance: TypeAlias = float | Mapping[int, float] | Sequence[float] | npt.NDArray[np.floating]

MAX_LABEL = 65535
"""The largest label: what uint16 holds, and what bounds the tables of counts."""

_SHORTEST_MM, _LONGEST_MM = 1e-100, 1e100
"""Lengths whose squares float64 holds without underflow or overflow."""


def _same_shape(reference: npt.NDArray[Any], prediction: npt.NDArray[Any]) -> None:
    if reference.shape != prediction.shape:
        raise MetricInputError(
            argument="prediction",
            found=f"shape {prediction.shape}",
            expected=f"the reference's shape {reference.shape} (arrays are never broadcast)",
        )


def _no_masked_arrays(**arrays: npt.ArrayLike) -> None:
    for name, array in arrays.items():
        # `np.ma` takes a while to import, and what is plainly an array needs no look at it.
        if type(array) is not np.ndarray and isinstance(array, np.ma.MaskedArray):
            raise MetricInputError(
                argument=name,
                found="a masked array, whose mask no metric looks at",
                expected="a plain array (`array.filled(0)` makes what is masked background)",
            )


def checked_masks(reference: npt.ArrayLike, prediction: npt.ArrayLike) -> tuple[Mask, Mask]:
    """Two bool arrays of one shape, as given.

    Raises:
        MetricInputError: the shapes differ, or a dtype is not bool.
    """
    _no_masked_arrays(reference=reference, prediction=prediction)
    masks = np.asarray(reference), np.asarray(prediction)
    for name, mask in zip(("reference", "prediction"), masks, strict=True):
        if mask.dtype != np.bool_:
            raise MetricInputError(
                argument=name,
                found=f"dtype {mask.dtype}",
                expected="bool (for label L of a label map: `label_map == L`)",
            )
    _same_shape(*masks)
    return masks


def checked_reference_map(reference: npt.ArrayLike) -> LabelMap:
    """An integer array, 2D or 3D, a bool one as 0 and 1, labels 0 to MAX_LABEL.

    Raises:
        MetricInputError: it is not 2D or 3D, its dtype is not integer, or a label is out of range.
    """
    _no_masked_arrays(reference=reference)
    array = np.asarray(reference)
    checked_dimension(array.ndim)
    return _checked_label_map("reference", array)


def checked_prediction_map(prediction: npt.ArrayLike, reference: LabelMap) -> LabelMap:
    """The same of what is compared with a reference, whose shape it has.

    Raises:
        MetricInputError: as for a reference, or the shapes differ.
    """
    _no_masked_arrays(prediction=prediction)
    array = np.asarray(prediction)
    _same_shape(reference, array)
    return _checked_label_map("prediction", array)


def _checked_label_map(name: str, array: npt.NDArray[Any]) -> LabelMap:
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    if not np.issubdtype(array.dtype, np.integer):
        raise MetricInputError(
            argument=name, found=f"dtype {array.dtype}", expected="an integer dtype"
        )
    if array.dtype == np.uint8 or array.dtype == np.uint16:  # hold nothing else
        return array
    lowest, highest = int(array.min(initial=0)), int(array.max(initial=0))
    if lowest < 0 or highest > MAX_LABEL:
        raise MetricInputError(
            argument=name,
            found=f"labels from {lowest} to {highest}",
            expected=f"labels from 0 (background) to {MAX_LABEL}",
        )
    return array


def checked_dimension(dimension: int) -> None:
    """Surfaces are defined in 2D and 3D.

    Raises:
        MetricInputError: anything else.
    """
    if dimension not in (2, 3):
        raise MetricInputError(
            argument="reference", found=f"{dimension} axes", expected="2 or 3 axes"
        )


def checked_spacing(spacing_mm: Sequence[float], dimension: int) -> tuple[float, ...]:
    """One positive length for each axis, as float64.

    Raises:
        MetricInputError: another number of them, or one that is 0, negative, nan or infinite.
    """
    expected = (
        f"{dimension} numbers in mm, one for each axis of the arrays, each from"
        f" {_SHORTEST_MM:g} to {_LONGEST_MM:g}"
    )
    try:
        spacing = np.asarray(spacing_mm, dtype=np.float64)
    except (TypeError, ValueError):
        spacing = np.empty(0)
    # written so that nan, for which every comparison is false, is refused
    in_range = (spacing >= _SHORTEST_MM) & (spacing <= _LONGEST_MM)
    if spacing.shape != (dimension,) or not in_range.all():
        raise MetricInputError(argument="spacing_mm", found=repr(spacing_mm), expected=expected)
    return tuple(float(length) for length in spacing)


def checked_tolerance(tolerance_mm: float) -> float:
    """A finite length of 0 or more.

    Raises:
        MetricInputError: negative, nan, infinite, or not a number.
    """
    try:
        tolerance = float(tolerance_mm)
    except (TypeError, ValueError):
        tolerance = float("nan")
    if not 0.0 <= tolerance <= _LONGEST_MM:
        raise MetricInputError(
            argument="tolerance_mm",
            found=repr(tolerance_mm),
            expected=f"a number from 0 to {_LONGEST_MM:g}, in mm",
        )
    return tolerance


def checked_labels(labels: Sequence[int]) -> list[int]:
    """Labels to score, in the order given.

    Raises:
        MetricInputError: one is not an integer from 1 to MAX_LABEL, or is given twice.
    """
    expected = f"different integers from 1 to {MAX_LABEL} (0 is background)"
    labels = list(labels)  # a generator can be gone through only once
    for label in labels:
        if not isinstance(label, int | np.integer) or not 1 <= label <= MAX_LABEL:
            raise MetricInputError(argument="labels", found=repr(label), expected=expected)
    whole = [int(label) for label in labels]
    if len(set(whole)) != len(whole):
        twice = next(label for label in whole if whole.count(label) > 1)
        raise MetricInputError(argument="labels", found=f"{twice} twice", expected=expected)
    return whole


def checked_min_iou(min_iou: float) -> float:
    """An intersection over union that objects can have.

    Raises:
        MetricInputError: not above 0, or above 1.
    """
    if not 0 < min_iou <= 1:
        raise MetricInputError(
            argument="min_iou", found=repr(min_iou), expected="a number above 0, at most 1"
        )
    return float(min_iou)


def tolerance_of_each(
    tolerance_mm: Tolerance, labels: Sequence[int], *, labels_given: bool
) -> list[float]:
    """The tolerance of each label.

    Args:
        tolerance_mm: one for all, a mapping from labels, or one per label in the labels' order.
        labels: the labels to score.
        labels_given: whether the caller named them; a bare sequence means nothing otherwise.

    Raises:
        MetricInputError: a label has none, a sequence is of another length than the labels, or a
            tolerance is not a finite length of 0 or more.
    """
    if isinstance(tolerance_mm, Mapping):
        by_label = {label: checked_tolerance(value) for label, value in tolerance_mm.items()}
        missing = [label for label in labels if label not in by_label]
        if missing:
            raise MetricInputError(
                argument="tolerance_mm",
                found=f"none for {len(missing)} of {len(labels)} labels, first {missing[0]}",
                expected="one for each label that is scored",
            )
        return [by_label[label] for label in labels]
    if isinstance(tolerance_mm, np.ndarray) and tolerance_mm.ndim == 0:
        tolerance_mm = float(tolerance_mm)
    if isinstance(tolerance_mm, Sequence | np.ndarray):
        if not labels_given or len(tolerance_mm) != len(labels):
            raise MetricInputError(
                argument="tolerance_mm",
                found=f"{len(tolerance_mm)} values for {len(labels)} labels",
                expected="a number, a mapping from labels, or with `labels` one value for each",
            )
        return [checked_tolerance(value) for value in tolerance_mm]
    return [checked_tolerance(tolerance_mm)] * len(labels)
