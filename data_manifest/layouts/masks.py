"""A mask whose header was read and whose labels were not: what every format gives first."""

import contextlib
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from data_manifest.layouts.labels import Buffer, Fractions, LabelError, ShortDataError
from data_manifest.layouts.npz_member import DecompressionError
from data_manifest.layouts.regular_files import PredictionError

OneHot: TypeAlias = Literal["", "labels", "background_first"]
"""What the first map of a mask with a map a label is; empty for one map of labels."""

Labels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What a file says of where its voxels lie.

    Attributes:
        spacing_mm: in the array's axis order; None where the format keeps none.
        directions: (3, 3), a column for each axis, x first; None where the format keeps none.
        origin_mm: of the first voxel: x to the right, y to the front, z up; None where the format
            keeps none.
        doubt: where the file says two things of its axes, which ones; empty where it does not.
    """

    spacing_mm: tuple[float, ...] | None = None
    directions: npt.NDArray[np.float64] | None = None
    origin_mm: tuple[float, ...] | None = None
    doubt: str = ""

    @property
    def affine(self) -> npt.NDArray[np.float64] | None:
        """(4, 4), from a voxel's x, y, z to mm; None of a grid that is not wholly told."""
        if self.spacing_mm is None or self.directions is None or self.origin_mm is None:
            return None
        lengths = np.linalg.norm(self.directions, axis=0)
        if len(self.spacing_mm) != 3 or not np.all(lengths > 0):
            return None
        affine = np.eye(4)
        affine[:3, :3] = self.directions / lengths * self.spacing_mm[::-1]
        affine[:3, 3] = self.origin_mm
        return affine


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMask:
    """A mask by its header; the functions read on in the open file, and may be called once.

    Attributes:
        shape: in array order, (H, W) or (D, H, W), axes of length 1 behind the third left out.
        dtype: of the numbers in the file.
        has_slice_axis: whether a picture may have a first axis of length 1 (formats of volumes).
        grid: reads where the voxels lie; PredictionError where the file's own words make no sense.
        labels: reads them all, into this memory, and drops fractions if told to: flat, or of the
            file's shape.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    has_slice_axis: bool
    grid: Callable[[], Grid]
    labels: Callable[[Buffer | None, Fractions], Labels]


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """What goes wrong while a stranger's file is read becomes a reason."""
    try:
        yield
    except LabelError as error:
        raise PredictionError(f"the mask {error}") from error
    except ShortDataError as error:
        raise PredictionError(f"the mask {error}: the file was not written to its end") from error
    except (
        *(DecompressionError, zlib.error, struct.error, EOFError, OSError, SyntaxError),
        *(LookupError, OverflowError, ValueError),
    ) as error:
        raise PredictionError(f"not a {what} that can be read: {error}") from error


MOST_MAPS = 255


def joined(maps: npt.NDArray[np.integer], one_hot: OneHot) -> npt.NDArray[np.uint16]:
    """One map of labels of a map of 0 and 1 for each, along the first axis.

    Raises:
        PredictionError: another value, or a voxel of several labels.
    """
    if maps.max(initial=0) > 1:
        raise PredictionError(f"the mask holds {maps.max()}; expected a map of 0 and 1 a label")
    labels = np.zeros(maps.shape[1:], np.uint16)
    for number, there in enumerate(maps, start=0 if one_hot == "background_first" else 1):
        if number and (twice := np.count_nonzero((there > 0) & (labels > 0))):
            raise PredictionError(f"{twice} voxels of the mask are of several labels")
        labels[there > 0] = number
    return labels


def skip(read: Callable[[int], bytes], count: int) -> None:
    """Read so many bytes and forget them.

    Raises:
        ShortDataError: there are fewer.
    """
    while count > 0:
        block = read(min(count, 1 << 16))
        if not block:
            raise ShortDataError("ends before its data begin")
        count -= len(block)


def whole(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """A reader that gives fewer bytes than asked for only at the end."""

    def read_whole(size: int) -> bytes:
        parts = []
        while size > 0 and (part := read(size)):
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    return read_whole
