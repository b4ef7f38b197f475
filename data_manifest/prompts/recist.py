"""RECIST: in one slice the longest line across an object, as radiologists measure tumours."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from data_manifest.prompts.kind import Hand, Shape, WrongPromptsError, checked_labels
from data_manifest.prompts.marks import shapes_of_map, turned_map

__all__ = ["Recist"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recist:
    """The lines of one case; see `Prompts`.

    Attributes:
        marks: int64, (H, W) or (D, H, W): 0, or the label whose line goes through a voxel.
    """

    kind: ClassVar[str] = "recist"
    one: ClassVar[str] = "line"
    keys: ClassVar[tuple[str, ...]] = ("recist",)

    marks: npt.NDArray[np.integer]

    @classmethod
    def stored(cls, read: Callable[[str], npt.NDArray[Any]], image: tuple[int, ...]) -> "Recist":
        """See `PromptKind.stored`."""
        marks = read("recist")
        if marks.dtype.kind not in "iu" or marks.shape not in (image, image[:2]):
            raise WrongPromptsError(
                f"`recist` of dtype {marks.dtype}, shape {marks.shape}",
                f"integers of the image's shape, {image}",
            )
        return cls(marks=marks.astype(np.int64))

    @classmethod
    def made(cls, labels: npt.NDArray[np.integer], hand: Hand) -> "Recist":
        """A line a label, in the slice with its largest piece, between its farthest two pixels.

        Distances are in pixels of the slice. Each end is moved outwards by the margin and by 0 to
        `jitter` pixels more, each as likely, and stays in the image; lines of higher labels cover
        those of lower ones where they cross.
        """
        from data_manifest.prompts.strokes import largest_piece, line_pixels  # slow to import

        volume = labels.reshape((1,) * (3 - labels.ndim) + labels.shape)
        marks = np.zeros(volume.shape, np.int64)
        for label in checked_labels(labels):
            largest = largest_piece(volume == label)
            if largest is None:
                continue
            ends = _farthest(largest[1])
            way = ends[1] - ends[0]
            unit = way / max(float(np.hypot(*way)), 1.0)
            beyond = hand.margin + hand.generator.integers(0, hand.jitter, 2, endpoint=True)
            loose = np.round(ends + np.outer([-beyond[0], beyond[1]], unit)).astype(np.int64)
            line = line_pixels(*np.clip(loose, 0, np.array(volume.shape[1:]) - 1))
            marks[largest[0], line[:, 0], line[:, 1]] = label
        return cls(marks=marks.reshape(labels.shape))

    def __len__(self) -> int:
        return len(set(np.unique(self.marks).tolist()) - {0})

    @property
    def axes(self) -> int:
        """2 or 3."""
        return self.marks.ndim

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """As the challenge's files have them."""
        return {"recist": self.marks.astype(np.uint16)}

    def problems(self, shape: tuple[int, ...], labels: int) -> Iterator[tuple[str, str]]:
        """Another shape or number of labels, or a line that lies on several slices."""
        if self.marks.shape != shape:
            yield f"lines in an array of shape {self.marks.shape}", f"{shape}"
            return
        if len(self) != labels:
            yield f"lines of {len(self)} labels", f"of {labels}"
        for label in set(np.unique(self.marks).tolist()) - {0} if self.axes == 3 else ():
            count = int(np.count_nonzero((self.marks == label).any(axis=(1, 2))))
            if count > 1:
                yield f"the line of label {label} on {count} slices", "one slice"

    def shapes(self, index: int | None = None) -> list[Shape]:
        """Their pixels."""
        return shapes_of_map(self.marks, index)

    def slices(self) -> list[int]:
        """Those that have one; none in 2D."""
        if self.axes == 2:
            return []
        slices: list[int] = np.flatnonzero(self.marks.any(axis=(1, 2))).tolist()
        return slices

    def regions(self, shape: tuple[int, ...], margin: int = 0) -> list[tuple[slice, ...]]:
        """None: a line does not say on how many slices its object is."""
        return []

    def misread(self, shape: tuple[int, ...]) -> dict[str, "Recist"]:
        """With their axes the other way round."""
        order = ", ".join("xyz"[: self.axes])
        return {f"the lines were {order}": Recist(marks=turned_map(self.marks))}

    def baseline(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
        """The disc, on the line's own slice, whose diameter the line is."""
        labels = np.zeros(self.marks.shape, np.uint16)
        plane = np.indices(self.marks.shape[-2:])
        for label in sorted(set(np.unique(self.marks).tolist()) - {0}):
            at = np.argwhere(self.marks == label)
            low, high = at[:, -2:].min(axis=0), at[:, -2:].max(axis=0)
            centre, radius = (low + high) / 2, (float(np.hypot(*(high - low))) + 1) / 2
            near = ((plane - centre[:, np.newaxis, np.newaxis]) ** 2).sum(axis=0) <= radius**2
            labels[tuple(at[0, :-2])][near] = label
        return labels


def _farthest(piece: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The two pixels of a piece that are farthest apart, the first such pair in C order."""
    # Of a row only its ends can be.
    rows = np.flatnonzero(piece.any(axis=1))
    firsts = piece[rows].argmax(axis=1)
    lasts = piece.shape[1] - 1 - piece[rows][:, ::-1].argmax(axis=1)
    ends = np.unique(np.concatenate([np.stack([rows, c], axis=1) for c in (firsts, lasts)]), axis=0)
    apart = ((ends[:, np.newaxis] - ends) ** 2).sum(axis=2)
    return ends[list(np.unravel_index(int(np.argmax(apart)), apart.shape))]
