"""Which part of an image is shown: what holds the objects, with some surroundings."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from data_manifest.prompts import Shape

_Scalar = TypeVar("_Scalar", bound=np.generic)

_SMALLEST = 48.0
"""Pixels a side, so that a tiny object keeps its surroundings."""
_MARGIN = 1.5
_WORTH_CUTTING = 0.6


@dataclass(frozen=True, slots=True)
class Window:
    """Rows and columns that are shown."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def rows(self) -> int:
        """How many rows are shown."""
        return self.bottom - self.top

    @property
    def columns(self) -> int:
        """How many columns are shown."""
        return self.right - self.left

    def of(self, array: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        """The part of an (H, W, ...) array that is shown."""
        return array[self.top : self.bottom, self.left : self.right]


def window_around(mask: npt.NDArray[np.bool_], prompts: Iterable[Shape]) -> Window:
    """What holds every object and prompt with a margin; all of it where cutting gains little."""
    rows, columns = mask.shape
    whole = Window(0, rows, 0, columns)
    corners = [list(corner) for shape in prompts for corner in shape.corners]
    in_rows, in_columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(in_rows):
        corners += [[in_rows[0], in_columns[0]], [in_rows[-1], in_columns[-1]]]
    if not corners:
        return whole
    inside = np.clip(corners, 0, (rows - 1, columns - 1))
    low, high = np.min(inside, axis=0), np.max(inside, axis=0) + 1
    middle = (low + high) / 2
    side = max(_SMALLEST, _MARGIN * float(np.max(high - low)))
    top, left = np.maximum(0, np.floor(middle - side / 2)).astype(int).tolist()
    bottom, right = np.minimum((rows, columns), np.ceil(middle + side / 2)).astype(int).tolist()
    cut = Window(top, bottom, left, right)
    return cut if 0 < cut.rows * cut.columns < _WORTH_CUTTING * rows * columns else whole


def row_height(spacing_mm: tuple[float, ...] | None) -> float:
    """How tall a pixel is for its width, within what a picture can bear."""
    if spacing_mm is None:
        return 1.0
    return float(np.clip(spacing_mm[-2] / spacing_mm[-1], 0.25, 4.0))
