"""Folders of a run directory that are replaced whole, and what a killed command leaves of that."""

import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from evaluate.documents.tables import named_in_errors

_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}")  # as tempfile names what is not renamed yet
_REPLACED = ".replaced"


def replace_folder(path: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Replace a folder whole; at no moment is there neither the old one nor the new one.

    The old one is set aside, the new one takes its place, and only then the old one goes; if the
    command is killed in between, `tidy_up` brings it back.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        for relative, data in files:
            target = made / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            with named_in_errors(path):
                target.write_bytes(data)
        made.chmod(0o755)
        before = path.with_name(f".{path.name}{_REPLACED}")
        if path.exists():
            path.rename(before)
        made.rename(path)
        shutil.rmtree(before, ignore_errors=True)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        _bring_back(path)
        raise


def tidy_up(root: Path) -> None:
    """Bring back what a killed command had set aside, and remove what it was writing.

    Only for who has locked the run directory.
    """
    for folder in (root, *root.glob("*/"), *root.glob("*/*/")):
        for path in folder.glob(".*"):
            if path.name.endswith(_REPLACED):
                _bring_back(path.with_name(path.name[1:].removesuffix(_REPLACED)))
            elif not _UNFINISHED.fullmatch(path.name):
                continue
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _bring_back(path: Path) -> None:
    """A folder that was set aside for a new one, if that has not come."""
    before = path.with_name(f".{path.name}{_REPLACED}")
    if not before.exists():
        return
    if path.exists():
        shutil.rmtree(before, ignore_errors=True)
    else:
        before.rename(path)
