"""Labels are whole numbers that somebody meant: rounding is undone, interpolation is refused."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_manifest.making.geometry import Volume
from data_manifest.making.image_formats import FormatError

_ROUNDING = 1e-4
_LARGEST = 65535
_FEW = 20
_LEAST = 8
"""Voxels of seams: fewer tell nothing."""


def whole_labels(volume: Volume) -> Volume:
    """A label map as integers, uint16 or int64.

    Values within 1e-4 of a whole number are rounded, which a note says.

    Raises:
        FormatError: fractions, nan, or labels below 0 or too large.
    """
    array = volume.array
    notes = volume.notes
    if array.dtype.kind == "b":
        return replace(volume, array=array.astype(np.uint8))
    if array.dtype.kind == "f":
        array, note = _rounded(array, volume.scaling)
        notes = (*notes, *([note] if note else []))
    least, most = array.min(), array.max()
    if least < 0 or most > np.iinfo(np.int64).max // 2:
        raise FormatError(
            f"labels from {least} to {most}", "0 (background) and above", "number them anew"
        )
    kind = np.uint16 if most <= 65535 else np.int64
    return replace(volume, array=array.astype(kind, copy=False), notes=notes)


def _rounded(
    array: npt.NDArray[np.generic], scaling: str
) -> tuple[npt.NDArray[np.generic], str | None]:
    values = array.astype(np.float64)
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise FormatError(
            f"labels that are nan or infinite, in {bad} voxels",
            "whole numbers",
            "write 0 where there is no label",
        )
    whole = np.rint(values)
    off = np.abs(values - whole)
    count, worst = int(np.count_nonzero(off)), float(off.max())
    scaled = f" (stored whole, scaled by {scaling})" if scaling else ""
    if worst > _ROUNDING:
        value = float(values.flat[int(off.argmax())])
        raise FormatError(
            f"labels that are fractions in {int(np.count_nonzero(off > _ROUNDING))} voxels, such as"
            f" {value:.6g}{scaled}",
            "whole numbers",
            "scale masks with nearest neighbour; `numpy.rint` where it is only rounding",
        )
    if not count:
        return whole, None
    return whole, f"{count} labels up to {worst:.1g} from a whole number{scaled}: rounded"


def check_interpolation(labels: npt.NDArray[np.generic], named: Collection[int] = ()) -> None:
    """Nothing, if every label can be meant.

    A mask that was scaled as if it were a picture has values between background and object, in a
    seam one pixel wide along the object's border.

    Args:
        labels: integer, (H, W) or (D, H, W).
        named: labels that are meant, whatever they look like.

    Raises:
        FormatError: labels that are such a seam.
    """
    if labels.max() > _LARGEST:
        return
    counts = np.bincount(labels.ravel(), minlength=2)
    present = [int(label) for label in np.flatnonzero(counts) if label > 0]
    consecutive = present == list(range(1, len(present) + 1))
    if len(present) < 2 or (consecutive and len(present) < _FEW):
        return  # between labels that are numbered through no value is left for a seam
    below, above = _around(labels)
    # In a seam every voxel touches something higher, and something lower: it has no inside.
    between = (above > labels + 1) & (below < labels)
    alike = np.bincount(labels[between], minlength=len(counts)) == counts
    seams = [label for label in present[:-1] if alike[label] and label not in named]
    # A small label beside larger ones (BraTS has 1, 2, 4), or a small cell, has no inside either.
    sparse = present[-1] > 2 * len(present) or len(present) >= _FEW
    most = 2 * len(seams) >= len(present) and int(counts[seams].sum()) >= _LEAST
    border = max(set(present).difference(seams), key=lambda label: counts[label])
    if not (seams and sparse and most and counts[border] >= _LEAST):
        return
    shown = "; ".join(
        f"label {label}: {counts[label]} pixels, only along the border of {border}"
        for label in seams[:4]
    )
    more = f"; {len(seams) - 4} more such labels" if len(seams) > 4 else ""
    raise FormatError(
        f"{shown}{more}; scaled with interpolation?",
        "values that somebody drew",
        "scale masks with nearest neighbour; a label that is meant has a name in the pairs'"
        " column `labels`",
    )


def _around(labels: npt.NDArray[np.generic]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The least and the largest label of each voxel's neighbours in its plane."""
    plane = (1, 3, 3) if labels.ndim == 3 else (3, 3)
    return ndimage.minimum_filter(labels, size=plane), ndimage.maximum_filter(labels, size=plane)


def steps_between(labels: npt.NDArray[np.generic], named: Collection[int] = ()) -> str:
    """What looks like labels 1 and 5 that were scaled with interpolation: 2, 3, 4 on their border.

    Labels that are numbered through may be meant, so this is worth a line and no refusal. Thin
    layers that lie on each other differ by one step; on a border of interpolation lies a jump.

    Args:
        labels: integer, (H, W) or (D, H, W).
        named: labels that are meant, whatever they look like.
    """
    if labels.max() > _LARGEST:
        return ""
    counts = np.bincount(labels.ravel(), minlength=2)
    below, above = _around(labels)
    # As integers that hold a difference.
    jump = above.astype(np.int64) - below > 2
    seam = np.bincount(labels[(above > labels) & (below < labels) & jump], minlength=len(counts))
    steps = [int(label) for label in np.flatnonzero(counts)[1:] if seam[label] == counts[label]]
    steps = [label for label in steps if label not in named]
    if len(steps) < 2 or counts[steps].sum() < _LEAST:
        return ""
    listed = ", ".join(map(str, steps[:5])) + (", …" if len(steps) > 5 else "")
    return f"labels {listed} lie only between others, with a jump: scaled with interpolation?"
