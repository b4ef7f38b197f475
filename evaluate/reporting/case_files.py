"""A case's image and reference for the report: the files that were scored, or why not."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs, Reference
from data_manifest.errors import CaseFileError
from data_manifest.layouts import read_case, read_reference
from data_manifest.manifest import Case, FileEntry, sha256_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFiles:
    """Image, prompts and reference, which fit together."""

    inputs: CaseInputs
    reference: Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Why there is no picture of a case, in one line."""

    reason: str


def read_case_files(root: Path, case: Case) -> CaseFiles | Unreadable:
    """Read a case's files if they are those of the manifest."""
    for entry in case.files:
        problem = _altered(root, entry)
        if problem:
            return Unreadable(reason=problem)
    try:
        inputs = read_case(root, case)
        reference = read_reference(root / case.reference.path)
    except CaseFileError as error:
        return Unreadable(reason=f"the case's files can't be read: {error.problems[0].found}")
    labels = reference.labels
    fits = inputs.image.shape[: labels.ndim] == labels.shape
    if not fits or any(prompts.axes != labels.ndim for prompts in inputs.prompts):
        return Unreadable(reason="image, prompts and reference do not fit together")
    return CaseFiles(inputs=inputs, reference=reference)


def _altered(root: Path, entry: FileEntry) -> str:
    path = root / entry.path
    if not path.is_file():
        return f"{entry.path} is not in the data set's folder"
    if sha256_of(path) != entry.sha256:
        return f"{entry.path} is not the file that was scored (its SHA-256 differs)"
    return ""
