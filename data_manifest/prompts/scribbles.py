"""Scribbles: voxels that say of which label they are, or that they are of none."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from data_manifest.prompts.kind import Hand, Shape, WrongPromptsError, checked_labels
from data_manifest.prompts.marks import near_marks, shapes_of_map, turned_map

__all__ = ["BACKGROUND", "Scribbles"]

BACKGROUND = 1000
"""Says of a voxel that it belongs to no label, as in CVPR 2024's scribble track."""

_BESIDE = 12
"""Pixels around the objects, in which a scribble for the background lies."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scribbles:
    """The scribbles of one case; see `Prompts`.

    Attributes:
        marks: int64, (H, W) or (D, H, W): 0 where nothing is scribbled, a label, or `BACKGROUND`.
    """

    kind: ClassVar[str] = "scribbles"
    one: ClassVar[str] = "scribble"
    keys: ClassVar[tuple[str, ...]] = ("scribbles",)

    marks: npt.NDArray[np.integer]

    @classmethod
    def stored(cls, read: Callable[[str], npt.NDArray[Any]], image: tuple[int, ...]) -> "Scribbles":
        """See `PromptKind.stored`."""
        marks = read("scribbles")
        if marks.dtype.kind not in "iu" or marks.shape not in (image, image[:2]):
            raise WrongPromptsError(
                f"`scribbles` of dtype {marks.dtype}, shape {marks.shape}",
                f"integers of the image's shape, {image}",
            )
        return cls(marks=marks.astype(np.int64))

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

    def __len__(self) -> int:
        return len(set(np.unique(self.marks).tolist()) - {0, BACKGROUND})

    @property
    def axes(self) -> int:
        """2 or 3."""
        return self.marks.ndim

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """As the challenge's files have them."""
        return {"scribbles": self.marks.astype(np.uint16)}

    def problems(self, shape: tuple[int, ...], labels: int) -> Iterator[tuple[str, str]]:
        """Another shape, or another number of labels."""
        if self.marks.shape != shape:
            yield f"scribbles of shape {self.marks.shape}", f"{shape}"
        if len(self) != labels:
            yield f"scribbles of {len(self)} labels", f"of {labels}"

    def shapes(self, index: int | None = None) -> list[Shape]:
        """Their pixels."""
        return shapes_of_map(self.marks, index, outside=BACKGROUND)

    def slices(self) -> list[int]:
        """Those that have one; none in 2D."""
        if self.axes == 2:
            return []
        slices: list[int] = np.flatnonzero(self.marks.any(axis=(1, 2))).tolist()
        return slices

    def regions(self, shape: tuple[int, ...], margin: int = 0) -> list[tuple[slice, ...]]:
        """None: a scribble does not say how far its object reaches."""
        return []

    def misread(self, shape: tuple[int, ...]) -> dict[str, "Scribbles"]:
        """With their axes the other way round."""
        order = ", ".join("xyz"[: self.axes])
        return {f"the scribbles were {order}": Scribbles(marks=turned_map(self.marks))}

    def baseline(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
        """What lies near a scribble of a label, and nearer than any other."""
        return near_marks(self.marks, outside=BACKGROUND)
