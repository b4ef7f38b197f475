"""Opens what an image keeps for root alone, so that it runs as an ordinary user.

Most images are built and tried as root: weights under /root, a virtual environment made with a
strict umask. A challenge's container runs as nobody in particular and could not read them. So such
an image gets one layer more, in which those files and folders can be read by all. Nothing of the
image runs for this: the engine lists the files of a container that is made and never started.
"""

import contextlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import docker

from evaluate.sandbox.port import ImageProblem

__all__ = ["is_known_as_open", "open_to_all", "remember_as_open"]

_MOST_FILES = 2_000_000
_LARGEST_OPENED = 16 * 2**30  # together; what is closed has to be written once more
_CHUNK = 2**20
_FILE, _FOLDER = 0o004, 0o005
_SYSTEM = frozenset({"dev", "etc", "proc", "run", "sys", "tmp", "var"})
# What every Debian image has in root's home: for them alone it need not be opened.
_ORDINARY = frozenset({"root/.bashrc", "root/.profile"})


class _Chunks:
    """What the engine streams, as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        parts, wanted = [], size
        while wanted > 0:
            if not self._rest:
                self._rest = next(self._chunks, b"")
                if not self._rest:
                    break
            parts.append(self._rest[:wanted])
            self._rest = self._rest[wanted:]
            wanted -= len(parts[-1])
        return b"".join(parts)


def _needed(info: tarfile.TarInfo) -> int:
    """The mode by which all can use what its owner can; the same mode if they can already."""
    if info.isdir():
        return info.mode | _FOLDER
    if info.isreg():
        return info.mode | _FILE | (0o001 if info.mode & 0o100 else 0)
    return info.mode  # links and devices have no mode that matters


def _members(engine: docker.APIClient, container: str) -> Iterator[tuple[tarfile.TarInfo, Any]]:
    """Every member of the image with its content's stream (None if it is no file)."""
    with (
        contextlib.closing(engine.export(container, chunk_size=_CHUNK)) as chunks,
        tarfile.open(fileobj=_Chunks(chunks), mode="r|", bufsize=2**16) as archive,  # type: ignore[call-overload]
    ):
        for number, info in enumerate(archive):
            archive.members.clear()  # a stream remembers every member
            if number >= _MOST_FILES:
                raise ImageProblem(f"the image has more than {_MOST_FILES} files")
            yield info, archive.extractfile(info) if info.isreg() else None


def _closed(members: Iterator[tuple[tarfile.TarInfo, Any]]) -> set[str]:
    """Names of the files that not all can use, and of such folders with something in them.

    The system's own are left as they are: no submission is to read /etc/shadow.
    """
    files: set[str] = set()
    folders: set[str] = set()
    inhabited: set[str] = set()
    total = 0
    for info, _ in members:
        if info.name.split("/", 1)[0] in _SYSTEM:
            continue
        if info.isdir():
            if _needed(info) != info.mode:
                folders.add(info.name)
            continue
        if info.name not in _ORDINARY:
            inhabited |= folders.intersection(map(str, PurePosixPath(info.name).parents))
        if _needed(info) != info.mode:
            files.add(info.name)
            total += info.size
    if total > _LARGEST_OPENED:
        raise ImageProblem(
            f"{total >> 30} GiB of the image can be read by root alone, and it runs as an ordinary"
            " user; add `RUN chmod -R a+rX` for these files to the Dockerfile"
        )
    return files | inhabited


def _opened(members: Iterator[tuple[tarfile.TarInfo, Any]], names: set[str]) -> Iterator[bytes]:
    """A tar file of the named members, opened."""
    for info, content in members:
        if info.name not in names:
            continue
        info.mode = _needed(info)
        yield info.tobuf(tarfile.PAX_FORMAT)
        while content is not None and (chunk := content.read(_CHUNK)):
            yield chunk
        yield bytes(-info.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _cache() -> Path:
    """Of image ids, a line each: an image never changes under its id, so neither does this."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "segjudge" / "open-images"


def is_known_as_open(image_id: str) -> bool:
    """Whether an earlier look at the image, a matter of seconds, found nothing closed."""
    try:
        return image_id in _cache().read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return False


def remember_as_open(image_id: str) -> None:
    """Spare the next run the look; if that can't be written, it costs seconds and no more."""
    path = _cache()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="ascii") as stream:
            stream.write(f"{image_id}\n")


def open_to_all(
    engine: docker.APIClient, image_id: str, *, name: str, labels: dict[str, str], tag: str
) -> int:
    """Make an image that is this one with everything readable, unless this one is so already.

    Args:
        engine: client of the engine.
        image_id: the image.
        name: for the container that is made and removed.
        labels: for it, so that what a killed harness leaves is found.
        tag: for the new image, `repository:tag`.

    Returns:
        How many files and folders were opened; 0 if there is no new image.

    Raises:
        ImageProblem: too much of it is closed, or its files can't be listed.
    """
    options = {"Image": image_id, "Entrypoint": ["/"], "Cmd": [], "Labels": labels}
    # Two: one that is being written to can't be read from.
    source, target = f"{name}-from", f"{name}-to"
    try:
        engine.create_container_from_config(options, source)
        names = _closed(_members(engine, source))
        if names:
            engine.create_container_from_config(options, target)
            engine.put_archive(target, "/", _opened(_members(engine, source), names))
            repository, _, version = tag.partition(":")
            engine.commit(target, repository, version)
        return len(names)
    except tarfile.TarError as error:
        raise ImageProblem(f"the image's files can't be listed: {error}") from error
    finally:
        for container in (source, target):
            with contextlib.suppress(docker.errors.NotFound):
                engine.remove_container(container, v=True, force=True)
