"""Where each label is and how often: counts, overlap and joint bounding box, from one traversal.

DSC is finished with these numbers, and the surfaces need to look no further than the boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from metrics.arguments import LabelMap

__all__ = ["Box", "LabelCounts", "LabelExtent", "count_labels", "label_extents"]

Box: TypeAlias = tuple[slice, ...]

_CHUNK_VOXELS = 1 << 18
"""Voxels counted at a time: numpy counts in 8-byte integers, eight times a uint8 map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCounts:
    """Voxels of every label from 0 to the largest that occurs; three int64 arrays.

    Attributes:
        reference: in the reference.
        prediction: in the prediction.
        shared: where both have the same label.
    """

    reference: npt.NDArray[np.int64]
    prediction: npt.NDArray[np.int64]
    shared: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelExtent:
    """One label in both maps.

    Attributes:
        box: the smallest box that holds the label in both maps; None where neither has it.
    """

    label: int
    reference_voxels: int
    prediction_voxels: int
    shared_voxels: int
    box: Box | None

    @property
    def dice(self) -> float:
        """Twice the shared voxels over all voxels; nan where there are none."""
        voxels = self.reference_voxels + self.prediction_voxels
        return 2 * self.shared_voxels / voxels if voxels else float("nan")


def count_labels(reference: LabelMap, prediction: LabelMap) -> LabelCounts:
    """Count every label of two label maps of one shape, in bounded memory and any layout.

    Args:
        reference: labels from 0 to MAX_LABEL.
        prediction: the same.
    """
    labels = 1 + max(int(reference.max(initial=0)), int(prediction.max(initial=0)))
    counts = np.zeros((3, labels), dtype=np.int64)
    chunks = np.nditer(
        [reference, prediction],
        flags=["external_loop", "buffered", "zerosize_ok"],
        buffersize=_CHUNK_VOXELS,
    )
    for whole_a, whole_b in chunks:
        # Most of a case is background in both, and a plain comparison is faster than a count.
        occupied = (whole_a != 0) | (whole_b != 0)
        counts[:, 0] += whole_a.size - np.count_nonzero(occupied)
        a, b = whole_a[occupied].astype(np.intp), whole_b[occupied].astype(np.intp)
        for total, chunk in zip(counts, (a, b, a[a == b]), strict=True):
            found = np.bincount(chunk)
            total[: found.size] += found
    return LabelCounts(reference=counts[0], prediction=counts[1], shared=counts[2])


def _joint(first: Box | None, second: Box | None) -> Box | None:
    if first is None or second is None:
        return first or second
    return tuple(
        slice(min(a.start, b.start), max(a.stop, b.stop))
        for a, b in zip(first, second, strict=True)
    )


def label_extents(
    reference: LabelMap, prediction: LabelMap, labels: Sequence[int] | None
) -> list[LabelExtent]:
    """Locate labels in two label maps of one shape.

    Args:
        reference: labels from 0 to MAX_LABEL.
        prediction: the same.
        labels: which, in which order; None for those of the reference, rising.
    """
    counts = count_labels(reference, prediction)
    if labels is None:
        labels = [int(label) for label in np.flatnonzero(counts.reference) if label > 0]
    largest = counts.reference.size - 1
    boxes = [
        ndimage.find_objects(label_map, max_label=largest) if largest else []
        for label_map in (reference, prediction)
    ]
    absent = LabelExtent(
        label=0, reference_voxels=0, prediction_voxels=0, shared_voxels=0, box=None
    )
    return [
        LabelExtent(
            label=label,
            reference_voxels=int(counts.reference[label]),
            prediction_voxels=int(counts.prediction[label]),
            shared_voxels=int(counts.shared[label]),
            box=_joint(boxes[0][label - 1], boxes[1][label - 1]),
        )
        if label <= largest
        else replace(absent, label=label)
        for label in labels
    ]
