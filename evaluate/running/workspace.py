"""The two folders that a container sees: fresh for every run, gone afterwards."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from evaluate.sandbox.removal import remove_tree
from evaluate.sandbox.scratch import make_scratch, scratch_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Host paths of one run's folders."""

    inputs: Path
    outputs: Path


@contextmanager
def workspace(place: Callable[[Path], None], *, owner: str) -> Iterator[Workspace]:
    """Folders for one run: one with a copy of the case's inputs, and an empty one for outputs.

    Args:
        place: puts the copies into the inputs folder; copies, so that nothing which a container
            does reaches the data set.
        owner: token of the run directory, by which leftovers are found.
    """
    root = make_scratch(owner)
    try:
        folders = Workspace(inputs=root / "inputs", outputs=root / "outputs")
        folders.inputs.mkdir(mode=0o755)
        folders.outputs.mkdir(mode=0o755)
        place(folders.inputs)
        yield folders
    finally:
        remove_tree(root)


def left_over(owner: str) -> list[Path]:
    """The folders of runs that are there: none while nothing runs, but what can't be removed."""
    return scratch_of(owner)


def remove_stale(owner: str) -> None:
    """Remove what a killed harness has left; only for who has locked the run directory."""
    for path in left_over(owner):
        remove_tree(path)


def listing(folder: Path, limit: int = 20) -> tuple[str, ...]:
    """Names in a folder, sorted, the first `limit` that the system gives; nothing is opened."""
    try:
        with os.scandir(folder) as entries:
            return tuple(sorted(entry.name for entry in islice(entries, limit)))
    except OSError:
        return ()  # the participant may have closed the folder even to us
