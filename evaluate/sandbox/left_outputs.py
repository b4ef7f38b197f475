"""Watches a folder that a stranger writes to, without ever following what is in it."""

import contextlib
import os
import stat
from pathlib import Path

from evaluate.sandbox.removal import open_folder

# Deeper than any challenge asks for, and shallow enough that a walk never runs out of file
# descriptors or of path length.
_DEEPEST = 32
_MIB = 2**20


class _Excess(Exception):  # noqa: N818 - ends a walk early
    """The folder is over a limit; the text says which."""


class _Tally:
    """What a walk has seen so far, checked at every entry so that the walk can end early."""

    def __init__(self, *, output_mib: int, output_files: int) -> None:
        self._limit_bytes = output_mib * _MIB
        self._limit_files = output_files
        self._entries = 0
        self._apparent = 0
        self._allocated = 0

    def add(self, status: os.stat_result) -> None:
        self._entries += 1
        if self._entries > self._limit_files:
            raise _Excess(f"more than {self._limit_files} files in the outputs folder")
        if stat.S_ISREG(status.st_mode):
            # Both: a sparse file has size and no blocks, a preallocated one blocks and no size.
            self._apparent += status.st_size
            self._allocated += status.st_blocks * 512
        largest = max(self._apparent, self._allocated)
        if largest > self._limit_bytes:
            raise _Excess(
                f"at least {largest / _MIB:.1f} MiB in the outputs folder, "
                f"the limit is {self._limit_bytes // _MIB} MiB"
            )


def excess(outputs: Path, *, output_mib: int, output_files: int) -> str:
    """Why the folder is over its limits, in words; empty if it is not.

    Safe against a writer at work: folders are opened relative to their parent, links never.
    Entries of any kind count as files. Ends at the first excess.
    """
    tally = _Tally(output_mib=output_mib, output_files=output_files)
    folder = open_folder(os.fspath(outputs), None)
    if folder is None:
        raise FileNotFoundError(f"{outputs} is gone, or not ours")
    try:
        _walk(folder, depth=1, tally=tally)
    except _Excess as reason:
        return str(reason)
    return ""


def _walk(folder: int, *, depth: int, tally: _Tally, opened_files: bool = False) -> None:
    """Add everything below an open folder, and close it; open closed files if nobody writes."""
    try:
        folders: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:  # gone since it was listed
                    continue
                tally.add(status)
                if opened_files and stat.S_ISREG(status.st_mode) and not status.st_mode & 0o400:
                    with contextlib.suppress(OSError):
                        os.chmod(entry.name, status.st_mode | 0o400, dir_fd=folder)
                if stat.S_ISDIR(status.st_mode):
                    folders.append(entry.name)
        if folders and depth >= _DEEPEST:
            raise _Excess(f"folders nested deeper than {_DEEPEST} in the outputs folder")
        for name in folders:
            opened = open_folder(name, folder)
            if opened is not None:
                _walk(opened, depth=depth + 1, tally=tally, opened_files=opened_files)
    finally:
        os.close(folder)


def reclaim(outputs: Path) -> None:
    """Make all below `outputs` ours to list, read and delete, after the writer is gone.

    Root reads what is closed anyway; whoever runs the harness, the same outputs are judged alike.
    """
    tally = _Tally(output_mib=2**40, output_files=2**60)
    folder = open_folder(os.fspath(outputs), None)
    if folder is not None:
        with contextlib.suppress(_Excess):  # too deep to be looked into
            _walk(folder, depth=1, tally=tally, opened_files=True)
