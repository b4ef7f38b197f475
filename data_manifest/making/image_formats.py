"""What all readers of image formats share: how a file is refused, and what libraries say of it.

Every reader gives arrays in z, y, x order, slices in the order in which the file stores them (as
SimpleITK does for all of them): a volume is never turned or resampled.
"""

import contextlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator

import numpy as np

from data_manifest.making.geometry import Affine, angle_between_axes

_ESCAPE = "\x1b"
_LOGGERS = ("nibabel", "nibabel.global", "pydicom", "PIL")
_STRAIGHT_DEGREES = 0.05
"""Rounding of headers gives thousandths of a degree; a gantry's tilt is degrees."""


class FormatError(Exception):
    """A file can't be read as an image.

    Args:
        found: what is there; a library's own message may stand in it.
        expected: what should be.
        mend: what the reader can do about it.
    """

    def __init__(self, found: str, expected: str, mend: str) -> None:
        super().__init__(" ".join(found.split()))  # libraries' messages have lines
        self.expected = expected
        self.mend = mend


def checked_spacing(spacing_mm: tuple[float, ...]) -> tuple[float, ...]:
    """A spacing as it is.

    Raises:
        FormatError: a number that is not positive.
    """
    if not all(np.isfinite(value) and value > 0 for value in spacing_mm):
        shown = ", ".join(f"{float(value):g}" for value in spacing_mm)
        raise FormatError(
            f"spacing ({shown}) mm (z, y, x)",
            "positive numbers",
            "write the scanner's spacing into the header",
        )
    return spacing_mm


def check_straight(affine: Affine) -> None:
    """Nothing, if a volume's axes stand at right angles.

    Raises:
        FormatError: they do not: distances along them would be those of another body.
    """
    degrees = angle_between_axes(affine)
    if abs(degrees - 90) > _STRAIGHT_DEGREES:
        raise FormatError(
            f"slanted axes: two of them stand at {degrees:.4g} degrees (a gantry's tilt, or shear)",
            "right angles",
            "resample image and reference onto a straight grid",
        )


class _Kept(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextlib.contextmanager
def library_messages() -> Iterator[list[str]]:
    """Keep from the terminal what libraries say while they read a file.

    Their lines have no file's name, and may be all that tells that what they return is wrong.

    Yields:
        The lines; complete when the block has ended.
    """
    lines: list[str] = []
    handler = _Kept(lines)
    loggers = [(logger, logger.propagate) for logger in map(logging.getLogger, _LOGGERS)]
    kept = [list(logger.handlers) for logger, _ in loggers]
    for logger, _ in loggers:
        logger.handlers, logger.propagate = [handler], False
    try:
        with warnings.catch_warnings(record=True) as caught, _stderr_of_c(lines):
            warnings.simplefilter("always")
            yield lines
        lines += [str(warning.message) for warning in caught]
    finally:
        for (logger, propagate), handlers in zip(loggers, kept, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
    lines[:] = dict.fromkeys(" ".join(line.split()) for line in lines if line.strip())


@contextlib.contextmanager
def _stderr_of_c(lines: list[str]) -> Iterator[None]:
    """What C libraries write to the terminal; Python's own output (a progress bar) goes on."""
    try:
        saved, python = os.dup(2), sys.stderr
    except OSError:  # the terminal is closed: nothing can reach it
        yield
        return
    with tempfile.TemporaryFile() as kept, open(saved, "w", buffering=1) as terminal:  # noqa: PTH123
        try:
            # A progress bar puts a proxy in its place, and writes from a thread of its own.
            if getattr(python, "rich_proxied_file", python) is sys.__stderr__ is not None:
                sys.__stderr__.flush()
                sys.stderr = terminal
            os.dup2(kept.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            sys.stderr = python
            kept.seek(0)
            written = kept.read(1 << 14).decode("utf-8", "replace").splitlines()
            lines += (line for line in written if _ESCAPE not in line)  # a bar's, by a hair
