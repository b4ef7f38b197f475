"""Boxes: the first and the last pixel of each object, along every axis, or a little beyond."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from data_manifest.prompts.kind import Hand, Rectangle, WrongPromptsError

_MODEL_SIZES = (224, 256, 512, 1024)
"""To which participants scale images, and then forget to scale the boxes, or the mask back."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Boxes:
    """The boxes of one case; see `Prompts`.

    Attributes:
        corners: integer, (N, 4) x_min, y_min, x_max, y_max or (N, 6) x_min, y_min, z_min, x_max,
            y_max, z_max; inclusive at both ends; row k - 1 asks for label k.
    """

    kind: ClassVar[str] = "boxes"
    one: ClassVar[str] = "box"
    keys: ClassVar[tuple[str, ...]] = ("boxes",)

    corners: npt.NDArray[np.integer]

    @classmethod
    def stored(cls, read: Callable[[str], npt.NDArray[Any]], image: tuple[int, ...]) -> "Boxes":
        """See `PromptKind.stored`."""
        corners = read("boxes")
        if corners.dtype.kind not in "iu" or corners.ndim != 2 or corners.shape[1] not in (4, 6):
            raise WrongPromptsError(
                f"`boxes` of dtype {corners.dtype}, shape {corners.shape}",
                "integers, (N, 4) in 2D or (N, 6) in 3D",
            )
        if corners.shape[1] == 4 and image[2] != 3:
            raise WrongPromptsError(
                f"`imgs` of shape {image} with `boxes` of shape {corners.shape}",
                "(H, W, 3) with (N, 4), or (D, H, W) with (N, 6)",
            )
        return cls(corners=corners.astype(np.int64, copy=False))

    @classmethod
    def made(cls, labels: npt.NDArray[np.integer], hand: Hand) -> "Boxes":
        """See `PromptKind.made`, and `boxes_from_labels` for the distribution."""
        return cls(
            corners=boxes_from_labels(
                labels, margin=hand.margin, jitter=hand.jitter, generator=hand.generator
            )
        )

    def __len__(self) -> int:
        return len(self.corners)

    @property
    def axes(self) -> int:
        """2 or 3."""
        return int(self.corners.shape[1]) // 2

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """As the challenge's files have them."""
        return {"boxes": self.corners}

    def problems(self, shape: tuple[int, ...], labels: int) -> Iterator[tuple[str, str]]:
        """Another number than labels, another number of axes, boxes beyond the image."""
        axes = len(shape)
        if len(self) != labels:
            yield f"{len(self)} boxes", f"{labels}, one a label"
        if self.axes != axes:
            yield f"boxes of {2 * self.axes} values", f"{2 * axes} for a {axes}D case"
            return
        lowest, highest = self.corners[:, :axes], self.corners[:, axes:]
        limits = np.array(shape[::-1])
        outside = (lowest < 0) | (highest >= limits) | (lowest > highest)
        for row in np.flatnonzero(outside.any(axis=1)):
            expected = f"minima up to maxima, inside {tuple(limits.tolist())} (x, y, z)"
            yield f"box {row + 1} is {self.corners[row].tolist()}", expected

    def shapes(self, index: int | None = None) -> tuple[Rectangle, ...]:
        """The boxes that cross a slice, or all."""
        rows = self.corners
        if self.axes == 3:
            if index is not None:
                rows = rows[(rows[:, 2] <= index) & (index <= rows[:, 5])]
            rows = rows[:, [0, 1, 3, 4]]
        return tuple(
            Rectangle(left=left, top=top, right=right, bottom=bottom)
            for left, top, right, bottom in rows.tolist()
        )

    def slices(self) -> tuple[int, ...]:
        """First and last of each box; none in 2D."""
        return tuple(self.corners[:, [2, 5]].ravel().tolist()) if self.axes == 3 else ()

    def regions(self, shape: tuple[int, ...], margin: int = 0) -> list[tuple[slice, ...]]:
        """The boxes as parts of an array, wider by a margin, cut to the array."""
        lows = self.corners[:, : len(shape)][:, ::-1].tolist()
        highs = self.corners[:, len(shape) :][:, ::-1].tolist()
        return [
            tuple(
                slice(max(0, start - margin), max(0, min(size, stop + 1 + margin)))
                for start, stop, size in zip(low, high, shape, strict=True)
            )
            for low, high in zip(lows, highs, strict=True)
        ]

    def misread(self, shape: tuple[int, ...]) -> dict[str, "Boxes"]:
        """In another order of axes, or in the scale of a model's own image."""
        axes = len(shape)
        ways = {}
        for order in itertools.permutations(range(axes)):
            if order != tuple(range(axes)):
                read = ", ".join("xyz"[axis] for axis in order)
                columns = [*order, *(axes + axis for axis in order)]
                ways[f"the boxes were {read}"] = Boxes(corners=self.corners[:, columns])
        for size in _MODEL_SIZES:
            scaled = self.corners.astype(np.float64)
            scaled[:, [0, 1, axes, axes + 1]] *= size / max(shape[-2:])
            words = f"the image were scaled to {size} pixels, and the mask not brought back"
            ways[words] = Boxes(corners=np.round(scaled).astype(np.int64))
        return ways

    def baseline(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
        """Every box filled with its label; later ones over earlier ones."""
        labels = np.zeros(shape, np.uint16)
        for label, region in enumerate(self.regions(shape), start=1):
            labels[region] = label
        return labels


def boxes_from_labels(
    labels: npt.NDArray[np.integer],
    *,
    margin: int = 0,
    jitter: int = 0,
    generator: "np.random.Generator | None" = None,
    along_z: bool = False,
) -> npt.NDArray[np.int64]:
    """The box of every label, both ends inclusive, clipped to the image.

    A box is the tightest one, wider by `margin` and by a random 0..`jitter` on every side, each
    side on its own: a prompt that is drawn by hand is loose, and it never cuts the object.

    Args:
        labels: integer, (H, W) or (D, H, W); the labels are 1..N without a gap.
        margin: in pixels.
        jitter: in pixels.
        generator: of the jitter; needed where `jitter` is not 0.
        along_z: whether margin and jitter widen a box along z too; the challenges' do not.

    Returns:
        (N, 4) x_min, y_min, x_max, y_max or (N, 6) x_min, y_min, z_min, x_max, y_max, z_max; row
        k - 1 is label k's.

    Raises:
        ValueError: a gap in the labels, or an argument that does not fit.

    >>> boxes_from_labels(np.array([[0, 1, 1], [2, 0, 0]])).tolist()
    [[1, 0, 2, 0], [0, 1, 0, 1]]
    """
    axes = labels.ndim
    if axes not in (2, 3):
        raise ValueError(f"labels of {axes} axes; expected (H, W) or (D, H, W)")
    if margin < 0 or jitter < 0:
        raise ValueError(f"margin {margin} and jitter {jitter}; expected 0 or more")
    if jitter and generator is None:
        raise ValueError("jitter needs a generator")
    from scipy import ndimage  # slow to import, and only who makes boxes needs it

    extents = ndimage.find_objects(labels)
    missing = [number for number, extent in enumerate(extents, start=1) if extent is None]
    if missing:
        raise ValueError(f"labels {missing[:8]} do not occur; expected 1..N without a gap")
    lowest = np.array([[side.start for side in extent] for extent in extents], dtype=np.int64)
    highest = np.array([[side.stop - 1 for side in extent] for extent in extents], dtype=np.int64)
    lowest, highest = lowest.reshape(-1, axes), highest.reshape(-1, axes)
    wider = np.full((2, *lowest.shape), margin, dtype=np.int64)
    if generator is not None and jitter:
        wider += generator.integers(0, jitter, size=wider.shape, endpoint=True)
    if axes == 3 and not along_z:
        wider[:, :, 0] = 0
    lowest = np.maximum(lowest - wider[0], 0)
    highest = np.minimum(highest + wider[1], np.array(labels.shape) - 1)
    return np.concatenate([lowest[:, ::-1], highest[:, ::-1]], axis=1)
