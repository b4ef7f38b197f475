"""A stranger's bytes to a label map, or the reason why not.

Nothing in a prediction file is trusted: it is never unpickled or followed, and its size, shape and
dtype are known from the header before anything is allocated.
"""

import math
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from data_manifest.errors import printable
from data_manifest.layouts.formats import FORMATS
from data_manifest.layouts.grids import check_grid, check_shape, moved_to, offset_voxels
from data_manifest.layouts.labels import Buffer, Fractions
from data_manifest.layouts.masks import MOST_MAPS, Labels, OpenMask, joined
from data_manifest.layouts.named_files import OutputFile
from data_manifest.layouts.npy_header import NpzError
from data_manifest.layouts.regular_files import (
    Beside,
    PredictionError,
    files_beside,
    open_regular_file,
)

_MOST_NAMES = 50

_LARGEST = 8
"""A mask of another field of view may have so many times the case's voxels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadPrediction:
    """Why a file is no valid prediction.

    Attributes:
        reason: in one line for the team.
        readable: whether it is a mask, only of labels that nobody asked for.
    """

    reason: str
    readable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayFacts:
    """Name, shape and type of an array in an output, by its header."""

    name: str
    shape: tuple[int, ...]
    dtype: str


def array_facts(
    path: Path, *, output: OutputFile, max_bytes: int, within: Path | None = None
) -> tuple[ArrayFacts, ...] | None:
    """What an output says it holds, by headers alone; None if it is none, or not to be opened.

    Args:
        path: the file.
        output: the protocol's. An array of a format without keys has the key's name, "".
        max_bytes: the largest file that is looked into.
        within: the folder that was the participant's; by default the file's own.
    """
    stream = open_regular_file(path, within=within)
    if stream is None:
        return None
    with stream:
        if os.fstat(stream.fileno()).st_size > max_bytes:
            return None
        try:
            headers = FORMATS[output.format].headers(stream)
        except (NpzError, PredictionError):
            return None
    return tuple(
        ArrayFacts(name=name, shape=shape, dtype=str(dtype))
        for name, (shape, dtype) in sorted(headers.items())[:_MOST_NAMES]
    )


def read_prediction(
    path: Path,
    *,
    output: OutputFile,
    shape: tuple[int, ...],
    spacing_mm: tuple[float, ...] | None,
    max_bytes: int,
    within: Path | None = None,
    follow_links: bool = False,
    affine: npt.NDArray[np.float64] | None = None,
    directions: Sequence[Sequence[float]] | None = None,
    allowed: Collection[int] | None = None,
    into: Buffer | None = None,
) -> Labels | BadPrediction:
    """Read a team's output for one case.

    Args:
        path: the file.
        output: the protocol's: the format, and whether a grid that the file tells has to match.
        shape: of the case's label map, (H, W) or (D, H, W). Another shape is never broadcast.
        spacing_mm: of the case, in that axis order, for formats that keep a spacing; None where
            the case has none.
        max_bytes: the largest file that is read.
        within: the folder that was the participant's; by default the file's own.
        follow_links: for an organiser's own file, whose links lead nowhere that they did not mean.
        affine: of the case, (4, 4) from a voxel's x, y, z to mm, where masks may have another field
            of view; None where it is not known, and the shape has to fit.
        directions: of the case, as its entry in the manifest has them, where `affine` is not known.
        allowed: the labels that it may hold besides 0; None for any.
        into: memory to use; what was read into it before is lost.

    Returns:
        The labels, or the reason why there are none. Any integer dtype is taken, and floating
        point or boolean values that are whole numbers from 0 to 65535.
    """
    beside = files_beside(path, within=within, follow_links=follow_links)
    path = path.resolve() if follow_links else path
    stream = open_regular_file(path, within=within, hard_links=follow_links)
    if stream is None:
        return BadPrediction(reason="the output is not an ordinary file (a link, or a device)")
    with stream:
        size = os.fstat(stream.fileno()).st_size
        if size > max_bytes:
            return BadPrediction(
                reason=f"the output has {size} bytes; at most {max_bytes} are read"
            )
        try:
            where = None if directions is None else np.asarray(directions, dtype=np.float64)
            where = where if affine is None else affine[:3, :3]
            labels = _read(stream, beside, output, shape, spacing_mm, affine, where, into)
        except (NpzError, PredictionError) as error:
            return BadPrediction(reason=printable(str(error))[:400])
    present = [] if allowed is None else np.flatnonzero(np.bincount(labels.ravel())).tolist()
    strange = [label for label in present if label and label not in (allowed or ())]
    if strange:
        shown = ", ".join(map(str, strange[:5]))
        reason = f"the mask holds labels that nobody asked for: {shown}"
        return BadPrediction(reason=reason, readable=True)
    return labels


def _read(
    stream: BinaryIO,
    beside: Beside,
    output: OutputFile,
    shape: tuple[int, ...],
    spacing_mm: tuple[float, ...] | None,
    affine: npt.NDArray[np.float64] | None,
    directions: npt.NDArray[np.float64] | None,
    into: Buffer | None,
) -> Labels:
    mask = FORMATS[output.format].open_mask(stream, output.key, beside)
    if output.grid == "nearest" and affine is not None:
        return _moved(mask, shape, affine, fractions=output.fractions, into=into)
    if output.one_hot:
        return _joined(mask, shape, spacing_mm, directions, output, into)
    check_shape(mask.shape, shape, has_slice_axis=mask.has_slice_axis)
    if output.grid != "reference" and (len(shape) == 3 or spacing_mm is not None):
        check_grid(mask.grid(), axes=len(shape), spacing_mm=spacing_mm, directions=directions)
    return mask.labels(into, output.fractions).reshape(shape)


def _joined(
    mask: OpenMask,
    shape: tuple[int, ...],
    spacing_mm: tuple[float, ...] | None,
    directions: npt.NDArray[np.float64] | None,
    output: OutputFile,
    into: Buffer | None,
) -> Labels:
    """One map of labels of a map of 0 and 1 for each."""
    # A format drops a last axis of length 1: one map looks like none.
    maps = mask.shape if len(mask.shape) > len(shape) else (1, *mask.shape)
    if maps[1:] != shape or maps[0] > MOST_MAPS:
        raise PredictionError(
            f"the mask has shape {mask.shape}; expected up to {MOST_MAPS} maps of {shape}"
        )
    if output.grid != "reference":
        check_grid(mask.grid(), axes=len(shape), spacing_mm=spacing_mm, directions=directions)
    return joined(mask.labels(into, output.fractions).reshape(maps), output.one_hot)


def _moved(
    mask: OpenMask,
    shape: tuple[int, ...],
    affine: npt.NDArray[np.float64],
    *,
    fractions: Fractions,
    into: Buffer | None,
) -> Labels:
    """A mask of another field of view on the case's grid."""
    if len(mask.shape) != len(shape) or math.prod(mask.shape) > _LARGEST * math.prod(shape):
        raise PredictionError(f"the mask has shape {mask.shape}; expected about {shape}")
    offset = offset_voxels(mask.grid().affine, affine)
    labels = mask.labels(into, fractions).reshape(mask.shape)
    return moved_to(labels, shape, offset)
