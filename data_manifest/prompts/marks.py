"""What kinds of prompts that are maps of marked voxels have in common."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from data_manifest.prompts.kind import Dots, Shape, WrongPromptsError

_REACH = 3
"""Pixels around a mark that a participant without a look at the image takes."""

Marks = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarkedMap:
    """The marks of one case; see `Prompts`.

    Attributes:
        marks: int64, (H, W) or (D, H, W): 0 where nothing is marked, a label, or `outside`, which
            says of a voxel that it is of no label.
    """

    kind: ClassVar[str]
    one: ClassVar[str]
    outside: ClassVar[int | None] = None

    marks: Marks

    @classmethod
    def stored(cls, read: Callable[[str], npt.NDArray[Any]], image: tuple[int, ...]) -> Self:
        """See `PromptKind.stored`."""
        marks = read(cls.kind)
        if marks.dtype.kind not in "iu" or marks.shape not in (image, image[:2]):
            raise WrongPromptsError(
                f"`{cls.kind}` of dtype {marks.dtype}, shape {marks.shape}",
                f"integers of the image's shape, {image}",
            )
        return cls(marks=marks.astype(np.int64))

    def labels(self) -> list[int]:
        """Those that are marked, rising."""
        return sorted(set(np.unique(self.marks).tolist()) - {0, self.outside})

    def __len__(self) -> int:
        return len(self.labels())

    @property
    def axes(self) -> int:
        """2 or 3."""
        return self.marks.ndim

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """As the challenge's files have them."""
        return {self.kind: self.marks.astype(np.uint16)}

    def problems(self, shape: tuple[int, ...], labels: int) -> Iterator[tuple[str, str]]:
        """Another shape, or another number of labels."""
        if self.marks.shape != shape:
            yield f"{self.one}s in an array of shape {self.marks.shape}", f"{shape}"
        if len(self) != labels:
            yield f"{self.one}s of {len(self)} labels", f"of {labels}"

    def shapes(self, index: int | None = None) -> list[Shape]:
        """The marked pixels of a slice, or of all, seen along z: of labels, and of none."""
        marks = self.marks
        if self.axes == 3:
            marks = marks[index] if index is not None else marks.max(axis=0)
        shapes: list[Shape] = []
        for inside in (True, False):
            here = (marks == self.outside) if not inside else (marks > 0) & (marks != self.outside)
            pixels = np.argwhere(here)
            if len(pixels):
                shapes.append(Dots(pixels=tuple((y, x) for y, x in pixels.tolist()), inside=inside))
        return shapes

    def slices(self) -> list[int]:
        """Those that have one; none in 2D."""
        if self.axes == 2:
            return []
        slices: list[int] = np.flatnonzero(self.marks.any(axis=(1, 2))).tolist()
        return slices

    def regions(self, shape: tuple[int, ...], margin: int = 0) -> list[tuple[slice, ...]]:
        """None: marks do not say how far their object reaches."""
        return []

    def misread(self, shape: tuple[int, ...]) -> dict[str, Self]:
        """With their axes the other way round."""
        order = ", ".join("xyz"[: self.axes])
        return {f"the {self.one}s were {order}": type(self)(marks=_turned_map(self.marks))}


def _turned_map(marks: Marks) -> Marks:
    """As who takes x, y, z for z, y, x reads it; what then lies outside of the image is lost."""
    turned = np.zeros_like(marks)
    at = np.argwhere(marks)
    values = marks[tuple(at.T)]
    inside = (at[:, ::-1] < marks.shape).all(axis=1)
    turned[tuple(at[inside][:, ::-1].T)] = values[inside]
    return turned


def near_marks(marks: Marks, *, outside: int | None = None) -> npt.NDArray[np.uint16]:
    """Every voxel near a mark of a label, with that label; near one of none, nothing.

    Smaller labels come over larger ones, and marks over what is near others.
    """
    labels = np.zeros(marks.shape, np.uint16)
    present = sorted(set(np.unique(marks).tolist()) - {0, outside}, reverse=True)
    for label in [*present, outside]:
        if label is None:
            continue
        for at in np.argwhere(marks == label).tolist():
            reach = _REACH if label != outside else 1
            near = tuple(slice(max(0, i - reach), i + reach + 1) for i in at)
            labels[near] = 0 if label == outside else label
    marked = (marks > 0) & (marks != outside)
    labels[marked] = marks[marked]
    return labels
