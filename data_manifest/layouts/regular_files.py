"""Opening what a participant left behind."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeAlias

from data_manifest.errors import printable

Beside: TypeAlias = Callable[[str], BinaryIO]
"""Opens the file of this name beside a header; PredictionError where it may not be opened."""


class PredictionError(Exception):
    """A file is no valid prediction; the text says why, in words for the team."""


def open_regular_file(
    path: Path, *, within: Path | None = None, hard_links: bool = False
) -> BinaryIO | None:
    """Open a file that a participant left behind; None unless it is an ordinary file.

    A link is not followed, a FIFO is not waited for, a device is not opened.

    Args:
        path: the file.
        within: the folder that was the participant's, above it: of the folders between the two
            none may be a link either. By default the file's own folder.
        hard_links: whether the file may have a second name.
    """
    try:
        handle = _open_below(within or path.parent, path)
    except OSError:
        return None
    # A second hard link could name a file that is not the participant's.
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or (status.st_nlink != 1 and not hard_links):
        os.close(handle)
        return None
    return os.fdopen(handle, "rb")


def files_beside(path: Path, *, within: Path | None = None, follow_links: bool = False) -> Beside:
    """What opens the file of a header's data: of a plain name, and as the header may be opened.

    Args:
        path: of the header.
        within: the folder that was the participant's, above it; by default the file's own.
        follow_links: of an organiser's own files; also beside what the header is a link to.
    """
    folders = dict.fromkeys(
        (path.parent, path.resolve().parent) if follow_links else (path.parent,)
    )

    def open_data(name: str) -> BinaryIO:
        plain = name == Path(name).name and "\\" not in name and "\0" not in name
        for folder in folders if plain else ():
            target = (folder / name).resolve() if follow_links else folder / name
            stream = open_regular_file(target, within=within, hard_links=follow_links)
            if stream is not None:
                return stream
        raise PredictionError(
            f"its data are in {printable(name)}, which is no ordinary file beside it"
        )

    return open_data


def _open_below(top: Path, path: Path) -> int:
    *folders, name = path.relative_to(top).parts
    if sys.platform == "win32":
        return _open_on_windows(top, path)
    folder_flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    file_flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    at = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            below = os.open(folder, folder_flags, dir_fd=at)
            os.close(at)
            at = below
        return os.open(name, file_flags, dir_fd=at)
    finally:
        os.close(at)


def _open_on_windows(top: Path, path: Path) -> int:
    """Nothing runs there that could change a folder between the look and the opening."""
    at = path
    while at != top:
        if at.is_symlink() or getattr(at, "is_junction", lambda: False)():
            raise OSError(f"{at} is a link")
        at = at.parent
    return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
