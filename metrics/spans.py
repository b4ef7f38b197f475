"""A label map as spans of one value along its rows: counted, cut, joined and grown without voxels.

An object of a million voxels is some thousand spans. Unions of labels, dilations, components and
their overlaps are all made from the spans of the two maps, which are read once.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from metrics import kernel
from metrics.label_extents import Box, LabelMaps, in_kernel_dtype, memory_order

_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Spans:
    """Where a map has a value other than 0.

    Attributes:
        shape: of the map, 2D or 3D.
        order: the map's axes as the spans lie: planes, rows, along a row.
        table: of `metrics.kernel.SPAN`, in order; two spans of one value never touch end to end.
    """

    shape: tuple[int, ...]
    order: tuple[int, ...]
    table: npt.NDArray[Any]

    @classmethod
    def of(cls, label_map: npt.NDArray[Any], *, like: "Spans | None" = None) -> "Spans":
        """The spans of a mask or a label map.

        Args:
            label_map: bool, or integers from 0 to 65535; 2D or 3D.
            like: spans of another map, to be compared with; None for the order in memory.
        """
        order = memory_order(label_map) if like is None else like.order
        rows = np.ascontiguousarray(in_kernel_dtype(label_map).transpose(order))
        rows = rows.reshape((1,) * (3 - rows.ndim) + rows.shape)
        return cls(shape=label_map.shape, order=order, table=kernel.find_spans(rows))

    @classmethod
    def both(cls, maps: LabelMaps) -> "tuple[Spans, Spans]":
        """The spans of two label maps."""
        first, second = (
            cls(
                shape=maps.shape,
                order=maps.order,
                table=kernel.find_spans(m.for_kernel) if m.few_spans is None else m.few_spans,
            )
            for m in maps.both
        )
        return first, second

    @property
    def lengths(self) -> tuple[int, int, int]:
        """Planes, rows in each, voxels in each."""
        planes, rows, length = (1, *(self.shape[axis] for axis in self.order))[-3:]
        return planes, rows, length

    @cached_property
    def starts(self) -> _Numbers:
        """Where each span begins, counting the voxels of all rows."""
        first: _Numbers = self.table["row"].astype(np.int64) * self.lengths[2] + self.table["start"]
        return first

    @cached_property
    def voxels(self) -> _Numbers:
        """How long each span is."""
        length: _Numbers = self.table["stop"].astype(np.int64) - self.table["start"]
        return length

    @cached_property
    def sizes(self) -> _Numbers:
        """The voxels of each value; at index 0 none."""
        return np.bincount(self.table["value"], self.voxels).astype(np.int64)

    def size(self, value: int) -> int:
        """The voxels of one value."""
        return int(self.sizes[value]) if value < len(self.sizes) else 0

    @property
    def value_count(self) -> int:
        """How many different values there are."""
        return int(np.count_nonzero(self.sizes))

    @property
    def total(self) -> int:
        """The voxels of all values."""
        return int(self.voxels.sum())

    def _with(self, table: npt.NDArray[Any]) -> "Spans":
        return Spans(shape=self.shape, order=self.order, table=table)

    def only(self, values: Collection[int]) -> "Spans":
        """The spans of some values, which they keep."""
        order, firsts = self._by_value
        chosen = sorted(value for value in set(values) if value < len(firsts) - 1)
        at = [order[firsts[value] : firsts[value + 1]] for value in chosen]
        return self._with(self.table[np.sort(np.concatenate(at))] if at else self.table[:0])

    @cached_property
    def _by_value(self) -> tuple[_Numbers, _Numbers]:
        """The spans by their values, and where each value's begin in that order."""
        values = self.table["value"]
        order = np.argsort(values, kind="stable")
        firsts = np.searchsorted(values[order], np.arange(int(values.max(initial=0)) + 2))
        return order, firsts

    def union(self, values: Collection[int] | None = None) -> "Spans":
        """The voxels of some values, or of all, as one mask of value 1."""
        chosen = self if values is None else self.only(values)
        return self._of_intervals(chosen.starts, chosen.starts + chosen.voxels)

    def _of_intervals(self, starts: _Numbers, stops: _Numbers) -> "Spans":
        """Spans of value 1 from intervals that rise by their starts, and may overlap."""
        length = self.lengths[2]
        covered = np.maximum.accumulate(stops)
        is_first = np.ones(len(starts), dtype=np.bool_)
        is_new_row = (starts[1:] == covered[:-1]) & (starts[1:] % length == 0)
        is_first[1:] = (starts[1:] > covered[:-1]) | is_new_row
        first = np.flatnonzero(is_first)
        table = np.ones(len(first), dtype=kernel.SPAN)
        if len(first):
            table["row"], table["start"] = np.divmod(starts[first], length)
            table["stop"] = covered[np.append(first[1:], len(starts)) - 1] - (
                table["row"].astype(np.int64) * length
            )
        return self._with(table)

    def dilated(self, steps: int, *, connectivity: int) -> "Spans":
        """The mask of all values, grown by its neighbours this many times.

        Args:
            steps: how often; 0 leaves it as it is.
            connectivity: whose neighbours: 6, 18 or 26 (4, 8 and 8 in 2D).
        """
        table = self.union().table
        for _ in range(steps):
            table = kernel.grow_spans(table, shape=self.lengths, connectivity=connectivity)
        return self._with(table)

    def joined(self, connectivity: int) -> "Spans":
        """The components of each value, numbered from 1 by their first voxels in C order.

        Args:
            connectivity: 6, 18 or 26 (4, 8 and 8 in 2D); different values never join.
        """
        table, count = kernel.join_spans(
            self.table, shape=self.lengths[:2], connectivity=connectivity
        )
        joined = self._with(table)
        if count > 1 and self.order != tuple(range(len(self.order))):
            first = np.full(count + 1, np.iinfo(np.int64).max)
            np.minimum.at(first, table["value"], joined._in_c_order())
            number = np.zeros(count + 1, dtype=np.int32)
            number[1 + np.argsort(first[1:])] = np.arange(1, count + 1)
            table["value"] = number[table["value"]]
        return joined

    def _in_c_order(self) -> _Numbers:
        """The place of each span's first voxel in the map's own axis order."""
        index: _Numbers = np.ravel_multi_index(self._first_voxels(), self.shape).astype(np.int64)
        return index

    def _first_voxels(self) -> tuple[_Numbers, ...]:
        plane, row = np.divmod(self.table["row"].astype(np.int64), self.lengths[1])
        first = (plane, row, self.table["start"].astype(np.int64))[-len(self.shape) :]
        return tuple(first[self.order.index(axis)] for axis in range(len(self.shape)))

    def numbered_by(self, other: "Spans") -> "Spans":
        """The same voxels with the values of another's; each span lies within one of those."""
        at = np.searchsorted(other.starts, self.starts, side="right") - 1
        table = self.table.copy()
        table["value"] = other.table["value"][at]
        return self._with(table)

    @cached_property
    def boxes(self) -> dict[int, Box]:
        """The smallest box around each value, in the map's own axis order."""
        values, at = np.unique(self.table["value"], return_inverse=True)
        along = self.order[-1]
        starts, stops = [], []
        for axis, first in enumerate(self._first_voxels()):
            low = np.full(len(values), np.iinfo(np.int64).max)
            np.minimum.at(low, at, first)
            high = np.zeros(len(values), dtype=np.int64)
            np.maximum.at(high, at, first + (self.voxels if axis == along else 1))
            starts.append(low)
            stops.append(high)
        return {
            int(value): tuple(
                slice(int(a[i]), int(b[i])) for a, b in zip(starts, stops, strict=True)
            )
            for i, value in enumerate(values)
        }

    def mask(self, values: Collection[int], box: Box) -> npt.NDArray[np.bool_]:
        """Where the map has one of some values, within a box that holds all of these.

        Returns:
            bool, C-contiguous, of the box's shape.
        """
        chosen = self.only(values)
        sides = [stop.stop - stop.start for stop in box]
        painted = np.zeros(sides, dtype=np.bool_)
        first = [
            index - side.start for index, side in zip(chosen._first_voxels(), box, strict=True)
        ]
        steps = np.cumprod([1, *sides[:0:-1]])[::-1]
        start = sum(int(step) * index for step, index in zip(steps, first, strict=True))
        along = int(steps[self.order[-1]])
        before = np.cumsum(chosen.voxels) - chosen.voxels
        within = np.arange(chosen.total) - np.repeat(before, chosen.voxels)
        painted.ravel()[np.repeat(start, chosen.voxels) + along * within] = True
        return painted


def pair_counts(first: Spans, second: Spans) -> tuple[_Numbers, _Numbers, _Numbers]:
    """How many voxels each value of one map shares with each value of another of its shape.

    Args:
        first: spans whose axes lie as those of `second`.
        second: of the same shape.

    Returns:
        Values of the first, values of the second, and voxels, for each pair that shares any,
        rising.
    """
    # sorted four times over already; where two are alike lies nothing between them
    edges = np.concatenate(
        [first.starts, first.starts + first.voxels, second.starts, second.starts + second.voxels]
    )
    edges.sort(kind="stable")
    values = [_values_at(spans, edges[:-1]) for spans in (first, second)]
    both = (values[0] > 0) & (values[1] > 0) & (np.diff(edges) > 0)
    width = int(values[1].max(initial=0)) + 1
    pairs, inverse = np.unique(values[0][both] * width + values[1][both], return_inverse=True)
    shared = np.bincount(inverse, np.diff(edges)[both], len(pairs)).astype(np.int64)
    return pairs // width, pairs % width, shared


def _values_at(spans: Spans, places: _Numbers) -> _Numbers:
    """The value that the map has at each place, counting the voxels of all rows."""
    if not len(spans.table):
        return np.zeros(len(places), dtype=np.int64)
    at = np.searchsorted(spans.starts, places, side="right") - 1
    inside = (at >= 0) & (places < spans.starts[at] + spans.voxels[at])
    return np.where(inside, spans.table["value"][at], 0).astype(np.int64)
