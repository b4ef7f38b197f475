"""Where each label is and how often: counts, overlap and joint bounding box, from one traversal.

DSC is finished with these numbers, and the surfaces need to look no further than the boxes.
"""

from copy import copy
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from metrics import kernel
from metrics.arguments import LabelMap

Box: TypeAlias = tuple[slice, ...]


def in_kernel_dtype(label_map: LabelMap) -> npt.NDArray[Any]:
    """The same labels as uint8 or uint16, which hold every label; a copy only where it must be."""
    if label_map.dtype.itemsize <= 2 and label_map.dtype.isnative:
        return label_map.view(f"u{label_map.dtype.itemsize}")
    return label_map.astype(np.uint16)


def memory_order(label_map: npt.NDArray[Any]) -> tuple[int, ...]:
    """The axes as they lie in memory, so that maps in Fortran order need no copy.

    Axes of one voxel come first, for rows of one voxel would make a word of bits each.
    """
    shape, strides = label_map.shape, label_map.strides
    return tuple(sorted(range(label_map.ndim), key=lambda a: (shape[a] != 1, -abs(strides[a]))))


class LabelMaps:
    """Two label maps of one shape, in the layout that the kernel takes."""

    def __init__(self, reference: LabelMap, prediction: LabelMap, *, copied: bool = False) -> None:
        """Copies a map only if its dtype or its layout is not the kernel's, or it may change.

        Args:
            reference: labels from 0 to MAX_LABEL, 2D or 3D.
            prediction: the same, of the same shape.
            copied: copies both whatever they are.
        """
        self.shape = reference.shape
        self.order = memory_order(reference)
        self._maps = [
            np.array(
                in_kernel_dtype(label_map).transpose(self.order),
                order="C",
                copy=True if copied else None,
            )
            for label_map in (reference, prediction)
        ]

    @property
    def for_kernel(self) -> list[npt.NDArray[Any]]:
        """Both maps with three axes, C-contiguous, uint8 or uint16."""
        return [m.reshape((1,) * (3 - m.ndim) + m.shape) for m in self._maps]

    def recoded(self, table: npt.NDArray[np.uint8]) -> "LabelMaps":
        """The same maps with other values.

        Args:
            table: the new value of each old one.
        """
        other = copy(self)
        other._maps = [table[label_map] for label_map in self._maps]
        return other

    @property
    def value_bound(self) -> int:
        """More than the largest value that the maps can hold."""
        return 1 << (8 * max(label_map.itemsize for label_map in self._maps))

    def masks(self, label: int, box: Box) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Where each map has the label within a box; both in the maps' own axis order."""
        back = np.argsort(self.order)
        first, second = (m.transpose(back)[box] == label for m in self._maps)
        return first, second


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelExtents:
    """Every label from 0 to some largest one; arrays of one length. Entry 0 means nothing.

    Attributes:
        table: of `metrics.kernel.EXTENT`, boxes in the kernel's axis order.
        order: of the kernel's axes.
    """

    table: npt.NDArray[Any]
    order: tuple[int, ...]

    @classmethod
    def of(cls, maps: LabelMaps) -> "LabelExtents":
        """Count and locate the labels of two maps."""
        reference, prediction = maps.for_kernel
        labels = 256
        if reference.itemsize > 1 or prediction.itemsize > 1:
            labels = 1 + max(int(m.max(initial=0)) for m in (reference, prediction))
        return cls(
            table=kernel.count_labels(reference, prediction, labels=labels), order=maps.order
        )

    @property
    def reference_labels(self) -> list[int]:
        """The labels that the reference has, rising."""
        return [int(label) for label in np.flatnonzero(self.table["reference"])]

    @property
    def prediction_labels(self) -> list[int]:
        """The labels that the prediction has, rising."""
        return [int(label) for label in np.flatnonzero(self.table["prediction"])]

    @property
    def surplus(self) -> dict[int, int]:
        """The prediction's voxels of each label that the reference does not have, rising."""
        reference, prediction = self.table["reference"], self.table["prediction"]
        extra = np.flatnonzero((reference == 0) & (prediction > 0))
        return {int(label): int(prediction[label]) for label in extra}

    def voxels(self, label: int) -> tuple[int, int, int]:
        """Of one label: in the reference, in the prediction, in both."""
        if label >= len(self.table):
            return 0, 0, 0
        row = self.table[label]
        return int(row["reference"]), int(row["prediction"]), int(row["shared"])

    def box(self, label: int) -> Box:
        """The smallest box that holds a label of either map, in the maps' own axis order.

        A label that neither map has is in an empty box.
        """
        row = self.table[label if label < len(self.table) else 0]
        axes = len(self.order)
        slices = [
            slice(int(start), int(stop))
            for start, stop in zip(row["start"][-axes:], row["stop"][-axes:], strict=True)
        ]
        return tuple(slices[self.order.index(axis)] for axis in range(axes))
