"""The objects of two maps and what each shares with each: all that detection is decided by.

An object is a connected component, an instance of an instance map, or a whole label, whatever the
caller's spans are numbered by. One histogram of pairs is counted; every rule of matching reads it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from metrics.arguments import Mask
from metrics.label_extents import Box
from metrics.spans import Spans, pair_counts

_Numbers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ObjectPairs:
    """Two maps' objects and their overlaps.

    Attributes:
        reference: spans numbered by objects, from 1.
        prediction: the same, with axes that lie as the reference's.
    """

    reference: Spans
    prediction: Spans

    @cached_property
    def overlaps(self) -> tuple[_Numbers, _Numbers, _Numbers]:
        """Reference objects, predicted objects and shared voxels of all that overlap, rising."""
        return pair_counts(self.reference, self.prediction)

    @cached_property
    def ious(self) -> npt.NDArray[np.float64]:
        """Intersection over union of each of these pairs."""
        real, made, shared = self.overlaps
        sizes = self.reference.sizes[real] + self.prediction.sizes[made]
        ious: npt.NDArray[np.float64] = shared / (sizes - shared)
        return ious

    @cached_property
    def reference_objects(self) -> _Numbers:
        """The numbers of the reference's objects, rising."""
        return np.flatnonzero(self.reference.sizes)

    @cached_property
    def predicted_objects(self) -> _Numbers:
        """The numbers of the prediction's objects, rising."""
        return np.flatnonzero(self.prediction.sizes)

    def shared(self, real: Collection[int], made: Collection[int]) -> int:
        """The voxels that some of the reference's objects share with some of the prediction's."""
        second, voxels = self.overlaps[1:]
        wanted, total = set(made), 0
        for number in real:
            for at in range(*self._overlaps_of(number)):
                total += int(voxels[at]) if int(second[at]) in wanted else 0
        return total

    def _overlaps_of(self, number: int) -> tuple[int, int]:
        """Where the overlaps of one of the reference's objects begin, and end."""
        first, end = np.searchsorted(self.overlaps[0], [number, number + 1])
        return int(first), int(end)

    def missed_voxels(self) -> int:
        """The voxels of the reference's objects that share none with any prediction."""
        alone = np.setdiff1d(self.reference_objects, self.overlaps[0])
        return int(self.reference.sizes[alone].sum())

    def invented_voxels(self) -> int:
        """The voxels of the predicted objects that share none with any reference."""
        alone = np.setdiff1d(self.predicted_objects, self.overlaps[1])
        return int(self.prediction.sizes[alone].sum())

    def dsc(self, real: Collection[int], made: Collection[int]) -> float:
        """The Dice coefficient of some of the reference's objects against some predicted ones."""
        voxels = int(self.reference.sizes[list(real)].sum())
        voxels += int(self.prediction.sizes[list(made)].sum())
        return 2 * self.shared(real, made) / voxels

    def dsc_of(self, pair: tuple[Collection[int], Collection[int]]) -> float:
        """The Dice coefficient of a matched pair."""
        return self.dsc(*pair)

    def masks(self, real: Sequence[int], made: Sequence[int]) -> tuple[Mask, Mask]:
        """Some of the reference's objects and some predicted ones, in the box around all of them.

        The image's border is not theirs: what lies outside the box is background.
        """
        boxes = [self.reference.boxes[number] for number in real]
        boxes += [self.prediction.boxes[number] for number in made]
        box: Box = tuple(
            slice(min(side.start for side in sides), max(side.stop for side in sides))
            for sides in zip(*boxes, strict=True)
        )
        return self.reference.mask(real, box), self.prediction.mask(made, box)
