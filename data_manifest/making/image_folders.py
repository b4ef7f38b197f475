"""A data set's folder appears whole or not at all, and never in place of something else."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_manifest.errors import ManifestError
from data_manifest.manifest import load_manifest

MANIFEST = "manifest.json"
"""The manifest's file name in its folder."""


@contextmanager
def whole_folder(out: Path, *, name: str) -> Iterator[Path]:
    """A folder to build in, which becomes `out` when the block ends without an error.

    An earlier build of the same data set is replaced.

    Args:
        out: new, empty, or with an earlier build.
        name: of the data set, as in its manifest.

    Raises:
        ManifestError: `out` holds anything else, or can't be written.
    """
    out = out.resolve()
    _refuse_other_things(out, name)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise _unwritable(out, error) from error
    try:
        new = beside / "new"  # `mkdtemp` lets nobody else in; a folder in it has the usual rights
        new.mkdir()
        yield new
        _put_in_place(new, out, beside / "old")
    except OSError as error:
        raise _unwritable(out, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _put_in_place(new: Path, out: Path, old: Path) -> None:
    if not out.exists():
        new.rename(out)
        return
    out.rename(old)
    try:
        new.rename(out)
    except OSError:
        old.rename(out)
        raise


def _unwritable(out: Path, error: OSError) -> ManifestError:
    fault = f"can't be written: {error}"
    mend = "free space there, or choose another folder"
    return ManifestError(where=str(out), found=fault, mend=mend)


def _refuse_other_things(out: Path, name: str) -> None:
    if out.exists() and not out.is_dir():
        raise ManifestError(where=str(out), found="a file", expected="a folder, or a new name")
    if not out.is_dir() or not any(out.iterdir()):
        return
    expected = f"a new or empty folder, or one that holds nothing but an earlier `{name}`"
    mend = "choose another folder"
    manifest = out / MANIFEST
    if not manifest.is_file():
        others = sorted(entry.name for entry in out.iterdir())
        fault = f"other things: {', '.join(others[:4])}"
        raise ManifestError(where=str(out), found=fault, expected=expected, mend=mend)
    earlier = load_manifest(manifest)
    entries = [entry for case in earlier.cases for entry in case.files]
    named = {manifest, *(out / entry.path for entry in entries)}
    others = sorted(str(file) for file in out.rglob("*") if file not in named and not file.is_dir())
    if earlier.name != name or others:
        fault = f"`{earlier.name}`" + (
            f" and other things: {', '.join(others[:4])}" if others else ""
        )
        raise ManifestError(where=str(out), found=fault, expected=expected, mend=mend)
