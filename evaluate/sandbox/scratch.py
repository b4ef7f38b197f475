"""Temporary folders with an owner, so that what a killed command leaves is found and removed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evaluate.sandbox.ownership import Owner
from evaluate.sandbox.removal import remove_tree

_PREFIX = "segjudge-tmp-"


def make_scratch(name: str = "", *, within: Path | None = None) -> Path:
    """A new folder of this process's; whoever makes it removes it.

    Args:
        name: by which `scratch_of` finds it.
        within: in which folder; None for that of temporary files.
    """
    prefix = f"{_PREFIX}{Owner.current().token}-{name and f'{name}-'}"
    return Path(tempfile.mkdtemp(prefix=prefix, dir=within))


def scratch_of(name: str) -> list[Path]:
    """The folders of this name, whoever has made them."""
    return sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-{name}-*"))


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder of this process's, gone afterwards; what killed ones have left is removed."""
    remove_stale_scratch()
    folder = make_scratch()
    try:
        yield folder
    finally:
        remove_tree(folder)


def remove_stale_scratch(within: Path | None = None) -> None:
    """Remove the folders of processes that are gone."""
    for left in (within or Path(tempfile.gettempdir())).glob(f"{_PREFIX}*"):
        owner = Owner.parse(left.name.removeprefix(_PREFIX).partition("-")[0])
        if owner is not None and owner.is_gone():
            remove_tree(left)
