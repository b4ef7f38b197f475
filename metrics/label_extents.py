"""Where each label is and how often: counts, overlap and joint bounding box, from one traversal.

DSC is finished with these numbers, and the surfaces need to look no further than the boxes.
"""

from dataclasses import dataclass
from functools import cached_property
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


class KernelMap:
    """A label map in the layout that the kernel takes, with what is known of it alone.

    A reference that many predictions are compared with is one object: its spans are found once, and
    its surfaces' elements are counted once.

    Attributes:
        surfaces: of each label that was measured before, the elements by code, as the kernel has
            them.
    """

    def __init__(
        self, label_map: LabelMap, *, order: tuple[int, ...] | None = None, copied: bool = False
    ) -> None:
        """Copies the map only if its dtype or its layout is not the kernel's, or it may change.

        Args:
            label_map: labels from 0 to MAX_LABEL, 2D or 3D.
            order: of the axes, as the map lies that it is compared with; None for its own.
            copied: copies it whatever it is.
        """
        self.shape = label_map.shape
        self.order = memory_order(label_map) if order is None else order
        self.voxels: npt.NDArray[Any] = np.array(
            in_kernel_dtype(label_map).transpose(self.order),
            order="C",
            copy=True if copied else None,
        )
        self.surfaces: dict[int, npt.NDArray[np.int64]] = {}

    @property
    def for_kernel(self) -> npt.NDArray[Any]:
        """With three axes, C-contiguous, uint8 or uint16."""
        return self.voxels.reshape((1,) * (3 - self.voxels.ndim) + self.voxels.shape)

    @cached_property
    def few_spans(self) -> npt.NDArray[Any] | None:
        """Where its values are; None where that would take more memory than the map."""
        return kernel.find_few_spans(self.for_kernel)

    @cached_property
    def labels(self) -> int:
        """More than the largest label, 256 or more."""
        if self.voxels.itemsize == 1:
            return 256
        return max(256, 1 + int(self.voxels.max(initial=0)))

    @cached_property
    def sorted_spans(self) -> kernel.SortedSpans | None:
        """The spans of each value; None where there are too many."""
        spans = self.few_spans
        return None if spans is None else kernel.sort_spans(spans, values=self.labels)


class LabelMaps:
    """Two label maps of one shape."""

    def __init__(self, reference: KernelMap, prediction: KernelMap) -> None:
        """Both in one order."""
        self.reference, self.prediction = reference, prediction
        self.shape, self.order = reference.shape, reference.order

    @classmethod
    def of(cls, reference: LabelMap, prediction: LabelMap) -> "LabelMaps":
        """Two maps, in the first one's order; neither is copied if it need not be."""
        first = KernelMap(reference)
        return cls(first, KernelMap(prediction, order=first.order))

    @property
    def both(self) -> tuple[KernelMap, KernelMap]:
        """The reference and the prediction."""
        return self.reference, self.prediction

    def recoded(self, table: npt.NDArray[np.uint8]) -> "LabelMaps":
        """The same maps with other values.

        Args:
            table: the new value of each old one.
        """
        back = np.argsort(self.order)
        first, second = (
            KernelMap(table[m.voxels].transpose(back), order=self.order) for m in self.both
        )
        return LabelMaps(first, second)

    @property
    def value_bound(self) -> int:
        """More than the largest value that the maps can hold."""
        return 1 << (8 * max(m.voxels.itemsize for m in self.both))

    def masks(self, label: int, box: Box) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Where each map has the label within a box; both in the maps' own axis order."""
        back = np.argsort(self.order)
        first, second = (m.voxels.transpose(back)[box] == label for m in self.both)
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
        labels = max(m.labels for m in maps.both)
        spans = [m.few_spans for m in maps.both]
        first, second = (m.for_kernel for m in maps.both)
        if spans[0] is None or spans[1] is None:
            table = kernel.count_labels(first, second, labels=labels)
        else:
            table = kernel.count_spans(spans[0], spans[1], shape=first.shape, labels=labels)
        return cls(table=table, order=maps.order)

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
