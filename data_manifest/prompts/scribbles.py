"""Scribbles: voxels that say of which label they are, or that they are of none."""

import random
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from data_manifest.prompts.kind import Hand, checked_labels
from data_manifest.prompts.marks import MarkedMap, near_marks

BACKGROUND = 1000
"""Says of a voxel that it belongs to no label, as in CVPR 2024's scribble track."""

_BESIDE = 12
"""Pixels around the objects, in which a scribble for the background lies."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scribbles(MarkedMap):
    """The scribbles of one case: labels, or `BACKGROUND`."""

    kind: ClassVar[str] = "scribbles"
    one: ClassVar[str] = "scribble"
    keys: ClassVar[tuple[str, ...]] = ("scribbles",)
    outside: ClassVar[int | None] = BACKGROUND

    @classmethod
    def made(cls, labels: npt.NDArray[np.integer], hand: Hand) -> "Scribbles":
        """One a label and one for the background, of strategies drawn with equal chance.

        A label's lies in its largest piece of any slice; the background's on the slice with most of
        all labels, in what is no label and at most 12 pixels away from one. Labels later in the
        order scribble over earlier ones where they cross, which happens nowhere. Margin and jitter
        move nothing: what a scribble says is always so.
        """
        from scipy import ndimage  # slow to import, and only who makes prompts needs it

        from data_manifest.prompts.strokes import STRATEGIES, largest_piece

        volume = labels.reshape((1,) * (3 - labels.ndim) + labels.shape)
        at = int(np.argmax(np.count_nonzero(volume, axis=(1, 2))))
        beside = np.zeros(volume.shape, np.bool_)
        reach = ndimage.binary_dilation(volume[at] > 0, iterations=_BESIDE)
        beside[at] = (reach | ~volume[at].any()) & (volume[at] == 0)
        marks = np.zeros(volume.shape, np.int64)
        for label in (BACKGROUND, *checked_labels(labels)):
            largest = largest_piece(beside if label == BACKGROUND else volume == label)
            strategy = STRATEGIES[hand.generator.choice(list(STRATEGIES))]
            dice = random.Random(int(hand.generator.integers(1 << 31)))  # noqa: S311
            if largest is not None:
                pixels = strategy(largest[1], dice)
                marks[largest[0], pixels[:, 0], pixels[:, 1]] = label
        return cls(marks=marks.reshape(labels.shape))

    def baseline(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
        """What lies near a scribble of a label, and nearer than any other."""
        return near_marks(self.marks, outside=BACKGROUND)
