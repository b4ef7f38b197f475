"""Files reach a machine once: where it sees the same file by itself, not at all.

What is sent and what is seen is compared by SHA-256 on arrival.
"""

import hashlib
import os
import platform
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_manifest.manifest import sha256_of
from evaluate.cluster.calls import Call
from evaluate.cluster.this_worker import this_worker
from evaluate.sandbox import SandboxError

_CHUNK = 4 << 20
_KEPT = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A file of the head's.

    Attributes:
        path: where the head has it.
        sha256: of its content.
        size: bytes.
        sender: which head; none forgets what another one has sent.
    """

    path: Path
    sha256: str
    size: int
    sender: str = field(default_factory=lambda: f"{platform.node()}-{os.getpid()}")

    @classmethod
    def of(cls, path: Path, sha256: str | None = None) -> "SentFile":
        """The file at a path, by what is known of it."""
        path = path.resolve()
        return cls(path=path, sha256=sha256 or sha256_of(path), size=path.stat().st_size)


def sending(files: Sequence[SentFile]) -> Generator[Call, Any, Mapping[Path, Path]]:
    """A part of a talk: where the machine has each of the head's files, sent if it has to be.

    Raises:
        CallFailedError: the machine has no room, or what arrived is not what was sent.
    """
    places: dict[Path, Path] = dict((yield Call(function=_seen, arguments=(tuple(files),))))
    for file in files:
        if file.path in places:
            continue
        with file.path.open("rb") as stream:
            start = 0
            while start == 0 or start < file.size:
                chunk = stream.read(_CHUNK)
                place = yield Call(function=_take, arguments=(file, start, chunk))
                start += max(1, len(chunk))
        places[file.path] = place
    return places


def _folder() -> Path:
    return this_worker().scratch / _KEPT


def _sent_by(sender: str) -> Path:
    folder = _folder() / sender
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _place_of(file: SentFile) -> Path:
    """Under its own name, by whose ending its format is known."""
    return _sent_by(file.sender) / f"{file.sha256[:16]}-{file.path.name}"


def _seen(files: Sequence[SentFile]) -> dict[Path, Path]:
    """Those that this machine has: in the head's own place, or sent before."""
    places = {}
    for file in files:
        for place in (_place_of(file), file.path):
            with suppress(PermissionError):  # a worker of another user's than the head
                there = place.is_file() and place.stat().st_size == file.size
                if there and (place.parent.parent == _folder() or sha256_of(place) == file.sha256):
                    places[file.path] = place
                    break
    return places


def _take(file: SentFile, start: int, chunk: bytes) -> Path:
    """A piece of a file; after the last the file is looked at, and in its place."""
    place = _place_of(file)
    part = place.with_name(f"{file.sha256}.part")
    with part.open("r+b" if start else "wb") as stream:
        stream.seek(start)
        stream.write(chunk)
    if start + len(chunk) < file.size:
        return place
    with part.open("rb") as stream:
        arrived = hashlib.file_digest(stream, "sha256").hexdigest()
    if arrived != file.sha256:
        part.unlink()
        raise SandboxError(
            where=str(file.path), found=f"arrived as {arrived}", expected=file.sha256
        )
    part.replace(place)
    return place


def forget(places: Sequence[Path]) -> None:
    """Remove what was sent and is needed no more."""
    for place in places:
        if place.parent.parent == _folder():
            place.unlink(missing_ok=True)
