"""A stranger's bytes to a label map, or the reason why not.

Nothing in a prediction file is trusted: it is never unpickled or followed, and its size, shape and
dtype are known from the header before anything is allocated.
"""

import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from data_manifest.errors import printable
from data_manifest.npz import Buffer, NpzArchive, NpzError

__all__ = ["BadPrediction", "open_regular_file", "read_prediction"]

_MAX_ITEMSIZE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class BadPrediction:
    """Why a file is no valid prediction, in one line for the team."""

    reason: str


def open_regular_file(path: Path) -> BinaryIO | None:
    """Open a file that a participant left behind; None unless it is an ordinary file.

    A link is not followed, a FIFO is not waited for, a device is not opened.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    # A second hard link could name a file that is not the participant's.
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(handle)
        return None
    return os.fdopen(handle, "rb")


def read_prediction(
    path: Path, *, key: str, shape: tuple[int, ...], max_bytes: int, into: Buffer | None = None
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | BadPrediction:
    """Read a team's output for one case.

    Args:
        path: the npz file.
        key: the array that counts; others in the archive are ignored.
        shape: of the case's label map, (H, W) or (D, H, W). Another shape is never broadcast.
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
            with NpzArchive(stream) as archive:
                return archive.label_map(
                    key, shape=shape, max_bytes=math.prod(shape) * _MAX_ITEMSIZE, into=into
                )
        except NpzError as error:
            return BadPrediction(reason=printable(str(error)))
