"""Removes a folder that a stranger wrote into, whatever is in it.

Works by the descriptors of folders, never by paths, which may be longer than a kernel takes, and
without recursion, however deep they are nested: what lies in a folder below is moved up, and the
empty folder removed. No link is followed. What can't be removed is left, and never an error: a run
must not end, and a start not fail, for what a stranger has left.
"""

import contextlib
import os
import shutil
import stat
import sys
from itertools import count
from pathlib import Path

# Windows has none of them.
_NO_LINK = sum(getattr(os, name, 0) for name in ("O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC"))
_FOLDER = os.O_RDONLY | _NO_LINK
_FOLDER_ITSELF = getattr(os, "O_PATH", 0) | _NO_LINK


def open_folder(name: str, parent: int | None) -> int | None:
    """Open a folder that its owner may have closed to itself; None if it is gone or not ours."""
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        # A container that runs with our own user id can hide files in a folder of mode 000.
        pass
    except OSError:
        return None
    if not hasattr(os, "O_PATH"):  # macOS
        return None
    try:
        # By the opened folder, not by its name: the writer may put a link in its place meanwhile.
        handle = os.open(name, _FOLDER_ITSELF, dir_fd=parent)
    except OSError:
        return None
    try:
        Path(f"/proc/self/fd/{handle}").chmod(0o700)
        return os.open(name, _FOLDER, dir_fd=parent)
    except OSError:
        return None
    finally:
        os.close(handle)


def remove_tree(root: Path) -> bool:
    """Remove a folder and all that is in it; whether it is gone."""
    if sys.platform == "win32":  # where folders have no descriptors, and nothing of strangers runs
        shutil.rmtree(root, ignore_errors=True)
        return not os.path.lexists(root)
    top = open_folder(os.fspath(root), None)
    if top is not None:
        try:
            _empty(top)
        finally:
            os.close(top)
    with contextlib.suppress(OSError):
        root.rmdir()
    return not os.path.lexists(root)


def _empty(top: int) -> None:
    names = count()
    stuck: set[str] = set()
    while True:
        folders = [name for name in _unlink_all(top) if name not in stuck]
        if not folders:
            return
        for name in folders:
            below = open_folder(name, top)
            if below is not None:
                try:
                    with contextlib.suppress(OSError):
                        os.fchmod(below, 0o700)
                    for inner in _unlink_all(below):
                        _move_up(inner, below, top, names)
                finally:
                    os.close(below)
            try:
                os.rmdir(name, dir_fd=top)
            except OSError:
                stuck.add(name)


def _unlink_all(folder: int) -> list[str]:
    """Remove everything in a folder but the folders, whose names are returned."""
    folders = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_folder in names:
            if is_folder:
                folders.append(name)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(name, dir_fd=folder)
    return folders


def _move_up(name: str, source: int, top: int, names: "count[int]") -> None:
    for number in names:
        target = f"left-{number}"
        try:
            os.stat(target, dir_fd=top, follow_symlinks=False)
        except OSError:
            break
    with contextlib.suppress(OSError):
        inner = open_folder(name, source)
        if inner is not None:  # a folder has to be open to its owner to be moved
            try:
                if stat.S_IMODE(os.fstat(inner).st_mode) & 0o700 != 0o700:
                    os.fchmod(inner, 0o700)
            finally:
                os.close(inner)
        os.rename(name, target, src_dir_fd=source, dst_dir_fd=top)
