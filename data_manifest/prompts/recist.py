"""RECIST: in one slice the longest line across an object, as radiologists measure tumours."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from data_manifest.prompts.kind import Hand, checked_labels
from data_manifest.prompts.marks import MarkedMap


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recist(MarkedMap):
    """The lines of one case: a mark is the label whose line goes through the voxel."""

    kind: ClassVar[str] = "recist"
    one: ClassVar[str] = "line"
    keys: ClassVar[tuple[str, ...]] = ("recist",)

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

    def problems(self, shape: tuple[int, ...], labels: int) -> Iterator[tuple[str, str]]:
        """Another shape or number of labels, or a line that lies on several slices."""
        yield from MarkedMap.problems(self, shape, labels)
        for label in self.labels() if self.axes == 3 else ():
            count = int(np.count_nonzero((self.marks == label).any(axis=(1, 2))))
            if count > 1:
                yield f"the line of label {label} on {count} slices", "one slice"

    def baseline(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
        """The disc, on the line's own slice, whose diameter the line is."""
        labels = np.zeros(self.marks.shape, np.uint16)
        plane = np.indices(self.marks.shape[-2:])
        for label in self.labels():
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
