"""What a submission is; and as a folder: what belongs to it, its digest, and a copy to run."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from evaluate.facts.errors import SubmissionError
from evaluate.sandbox.port import ImageProblem

# What tools leave behind while people work in a folder: neither run nor part of its identity.
_IGNORED = {"__pycache__", ".git", ".DS_Store", ".venv"}


def classify(reference: str) -> str:
    """What a submission's REF is: `archive`, `folder` or `reference` (of an image).

    Raises:
        SubmissionError: it looks like a path, and nothing is there.
    """
    path = Path(reference)
    if path.is_file():
        return "archive"
    if path.is_dir():
        return "folder"
    endings = (".tar", ".gz", ".tgz", ".zst", ".xz", ".bz2")
    if reference.startswith(("/", ".", "~")) or reference.lower().endswith(endings):
        raise SubmissionError(
            where=reference,
            found="no such file or folder",
            expected="an archive of `docker save`, an image reference, or a folder",
        )
    return "reference"


def folder_digest(folder: Path) -> str:
    """SHA-256 over the folder's files by sorted name: names, kinds and bytes.

    Raises:
        ImageProblem: something in it is no file, folder or link, or can't be read.
    """
    digest = hashlib.sha256()
    for path in _entries(folder):
        name = os.fsencode(path.relative_to(folder).as_posix())
        mode = path.lstat().st_mode
        try:
            if stat.S_ISLNK(mode):
                kind, content = b"link", os.fsencode(path.readlink())
                content_digest = hashlib.sha256(content).digest()
            elif stat.S_ISREG(mode):
                kind = b"program" if mode & stat.S_IXUSR else b"file"
                with path.open("rb") as file:
                    content_digest = hashlib.file_digest(file, "sha256").digest()
            else:
                raise ImageProblem(f"{path} is no file, folder or link; remove it")
        except OSError as error:
            raise ImageProblem(f"{path} can't be read ({error.strerror})") from error
        digest.update(b"%d:%b%b:%b" % (len(name), name, kind, content_digest))
    return digest.hexdigest()


def copy_folder(folder: Path, target: Path) -> None:
    """Copy what belongs to the submission; links stay links. `target` must not exist."""
    shutil.copytree(folder, target, symlinks=True, ignore=shutil.ignore_patterns(*_IGNORED))


def _entries(folder: Path) -> Iterator[Path]:
    """Everything below the folder but folders, in an order that no file system decides."""
    entries: list[Path] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _IGNORED]
        # A link to a folder is listed among the folders, and is content, not a folder.
        links = [name for name in folders if Path(parent, name).is_symlink()]
        entries += [Path(parent, name) for name in (*files, *links) if name not in _IGNORED]
    return iter(
        sorted(
            entries,
            key=lambda path: path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape"),
        )
    )
