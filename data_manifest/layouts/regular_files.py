"""Opening what a participant left behind."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

__all__ = ["PredictionError", "open_regular_file"]


class PredictionError(Exception):
    """A file is no valid prediction; the text says why, in words for the team."""


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
