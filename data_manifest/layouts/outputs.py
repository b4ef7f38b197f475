"""A stranger's bytes to a label map, or the reason why not.

Nothing in a prediction file is trusted: it is never unpickled or followed, and its size, shape and
dtype are known from the header before anything is allocated.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from data_manifest.errors import printable
from data_manifest.layouts.labels import Buffer
from data_manifest.layouts.npz import NpzArchive, NpzError
from data_manifest.layouts.regular_files import PredictionError, open_regular_file

__all__ = ["BadPrediction", "read_prediction"]

_MAX_ITEMSIZE = 8


class OutputForm(Protocol):
    """What a protocol's container says of its output."""

    @property
    def output_format(self) -> str:
        """The ending of its name."""

    @property
    def output_key(self) -> str:
        """In an npz, the array that is the mask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadPrediction:
    """Why a file is no valid prediction, in one line for the team."""

    reason: str


def read_prediction(
    path: Path,
    *,
    container: OutputForm,
    shape: tuple[int, ...],
    spacing_mm: tuple[float, ...] | None,
    max_bytes: int,
    into: Buffer | None = None,
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | BadPrediction:
    """Read a team's output for one case.

    Args:
        path: the file.
        container: the protocol's: the format, and in an npz the array that counts; others in the
            archive are ignored.
        shape: of the case's label map, (H, W) or (D, H, W). Another shape is never broadcast.
        spacing_mm: of the case, in that axis order, for formats that keep a spacing; None where
            the case has none.
        max_bytes: the largest file that is read.
        into: memory to use; what was read into it before is lost.

    Returns:
        The labels, or the reason why there are none. Any integer dtype is taken, and floating
        point or boolean values that are whole numbers from 0 to 65535.
    """
    stream = open_regular_file(path)
    if stream is None:
        return BadPrediction(reason="the output is not an ordinary file (a link, or a device)")
    with stream:
        size = os.fstat(stream.fileno()).st_size
        if size > max_bytes:
            return BadPrediction(
                reason=f"the output has {size} bytes; at most {max_bytes} are read"
            )
        try:
            if container.output_format == "npz":
                return _from_npz(stream, container.output_key, shape, into)
            return _from_image(stream, container.output_format, shape, spacing_mm, into)
        except (NpzError, PredictionError) as error:
            return BadPrediction(reason=printable(str(error))[:400])


def _from_npz(
    stream: BinaryIO, key: str, shape: tuple[int, ...], into: Buffer | None
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    with NpzArchive(stream) as archive:
        return archive.label_map(
            key, shape=shape, max_bytes=math.prod(shape) * _MAX_ITEMSIZE, into=into
        )


def _from_image(
    stream: BinaryIO,
    kind: str,
    shape: tuple[int, ...],
    spacing_mm: tuple[float, ...] | None,
    into: Buffer | None,
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    from data_manifest.layouts import images  # most protocols have npz

    match kind:
        case "png":
            return images.read_png(stream, shape=shape)
        case "mha":
            return images.read_metaimage(stream, shape=shape, spacing_mm=spacing_mm, into=into)
        case _:
            return images.read_nifti(
                stream,
                shape=shape,
                spacing_mm=spacing_mm,
                compressed=kind == "nii.gz",
                into=into,
            )
