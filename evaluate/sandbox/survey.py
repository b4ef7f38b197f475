"""Looks at an image once, without running anything of it: the engine lists its files.

Everything that the policy has to know of a stranger's image is found here, in one walk over the
headers of a container that is made and never started. An image never changes under its id, so the
answer is kept.
"""

import contextlib
import hashlib
import json
import os
import posixpath
import tarfile
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import docker
import msgspec

from evaluate.sandbox.port import ImageProblem, one_line
from evaluate.sandbox.surroundings import (
    CACHES,
    COVERABLE,
    Covered,
    Surroundings,
    account,
    normalised,
)

_VERSION = 2
_MOST_FILES = 2_000_000
_LARGEST_OPENED = 16 * 2**30  # together; what is closed has to be written once more
_LARGEST_ACCOUNTS = 2**16
_LARGEST_SKELETON = 2**14
_CHUNK = 2**20
_FILE, _FOLDER = 0o004, 0o005
_SYSTEM = frozenset({"dev", "etc", "proc", "run", "sys", "tmp", "var"})
# What a distribution puts into a new home, and where it has the originals.
_SKELETONS = ("etc/skel/", "usr/share/base-files/dot.")
# What tools leave in a home, and no program needs.
_LEFT = (".cache/pip", ".wget-hsts", ".bash_history", ".python_history", ".npm", ".gnupg")
# The engine opens them, and waits if they are pipes; and how many colons a line has at least.
_FIXED = {"/etc/passwd": 6, "/etc/group": 3}
_AT_RUN_TIME = ("/proc/", "/dev/", "/sys/")  # no listing of files knows what is there

Members = Iterator[tuple[tarfile.TarInfo, Any]]


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


def members_of(engine: docker.APIClient, container: str) -> Members:
    """Every member of the container's files with its content's stream (None if it is no file)."""
    with (
        contextlib.closing(engine.export(container, chunk_size=_CHUNK)) as chunks,
        tarfile.open(fileobj=_Chunks(chunks), mode="r|", bufsize=2**16) as archive,  # type: ignore[call-overload]
    ):
        for number, info in enumerate(archive):
            archive.members.clear()  # a stream remembers every member
            if number >= _MOST_FILES:
                raise ImageProblem(f"the image has more than {_MOST_FILES} files")
            yield info, archive.extractfile(info) if info.isreg() else None


def needed_mode(info: tarfile.TarInfo) -> int:
    """The mode by which all can use what its owner can; the same mode if they can already."""
    if info.isdir():
        return info.mode | _FOLDER
    if info.isreg() or info.islnk():  # a further name of a file has the file's mode
        return info.mode | _FILE | (0o001 if info.mode & 0o100 else 0)
    return info.mode  # links and devices have no mode that matters


def survey(
    engine: docker.APIClient, container: str, settings: Mapping[str, Any]
) -> tuple[Surroundings, set[str]]:
    """What is around a program in this image, and the names of what not all can use.

    Raises:
        ImageProblem: too much is closed, or the image has what makes an engine wait for ever.
    """
    for path in _FIXED:
        _refuse_special(engine, container, path)
    accounts, groups = (_lines(engine, container, path) for path in _FIXED)
    variables = [str(text) for text in settings.get("Env") or []]
    home, user = account(str(settings.get("User") or ""), variables, accounts or "")
    walk = _Walk(home)
    try:
        for info, content in members_of(engine, container):
            walk.add(info, content)
    except tarfile.TarError as error:
        raise ImageProblem(f"the image's files can't be listed: {error}") from error
    closed = walk.closed()
    around = Surroundings(
        home=home,
        user=user,
        home_is_bare=walk.home_is_bare(),
        kept=walk.kept(),
        variables=tuple(sorted({text.partition("=")[0] for text in variables})),
        volumes=tuple(sorted(str(path) for path in settings.get("Volumes") or {})),
        working_directory=normalised(str(settings.get("WorkingDir") or "/")),
        covered=walk.covered(),
        accounts=accounts,
        groups=groups,
        closed=len(closed),
    )
    return around, closed


class _Walk:
    """What one pass over the members of an image has seen."""

    def __init__(self, home: str) -> None:
        self._home = home.strip("/")
        self._files: set[str] = set()  # closed to others than their owner
        self._folders: set[str] = set()
        self._inhabited: set[str] = set()  # such folders with something in them
        self._closed_bytes = 0
        self._originals: set[bytes] = set()
        self._at_home: dict[str, bytes | None] = {}  # digests of the small files there
        self._covered: dict[str, list[int]] = {}
        self._examples: dict[str, str] = {}

    def add(self, info: tarfile.TarInfo, content: Any) -> None:
        name = posixpath.normpath(info.name)
        below_home = bool(self._home) and name.startswith(f"{self._home}/")
        digest = None
        if content is not None and info.size <= _LARGEST_SKELETON:
            original = name.startswith(_SKELETONS)
            if original or below_home:
                digest = hashlib.sha256(content.read(_LARGEST_SKELETON)).digest()
            if original and digest:
                self._originals.add(digest)
        if below_home and not info.isdir():
            self._at_home[name.removeprefix(f"{self._home}/")] = digest
        if name == self._home and not info.isdir():
            self._at_home["."] = None  # a link, or a file
        self._cover(name, info)
        self._close(name, info)

    def _cover(self, name: str, info: tarfile.TarInfo) -> None:
        if info.isdir():
            return
        for folder in COVERABLE:
            if name.startswith(f"{folder[1:]}/"):
                count = self._covered.setdefault(folder, [0, 0])
                count[0] += 1
                count[1] += info.size
                self._examples.setdefault(folder, f"/{name}")

    def _close(self, name: str, info: tarfile.TarInfo) -> None:
        """The system's own are left as they are: no submission is to read /etc/shadow."""
        if name.split("/", 1)[0] in _SYSTEM:
            return
        if info.isdir():
            if needed_mode(info) != info.mode:
                self._folders.add(name)
            return
        parents = set(map(str, PurePosixPath(name).parents))
        if not self._is_skeleton(name):
            self._inhabited |= self._folders & parents
        if needed_mode(info) != info.mode:
            self._files.add(name)
            self._closed_bytes += info.size

    def _is_skeleton(self, name: str) -> bool:
        """Whether it looks like a new home's; its content is compared when all was seen."""
        return posixpath.basename(name) in (".bashrc", ".profile") and name.count("/") <= 2

    def closed(self) -> set[str]:
        if self._closed_bytes > _LARGEST_OPENED:
            raise ImageProblem(
                f"{self._closed_bytes >> 30} GiB of the image can be read by root alone, and it"
                " runs as an ordinary user; add `RUN chmod -R a+rX` for these files to the"
                " Dockerfile"
            )
        if not self.home_is_bare():  # a .bashrc that sets an environment up is something
            home = PurePosixPath(self._home)
            self._inhabited |= self._folders & {str(home), *map(str, home.parents)}
        return self._files | self._inhabited

    def home_is_bare(self) -> bool:
        return bool(self._home) and all(
            path.startswith(_LEFT) or (digest is not None and digest in self._originals)
            for path, digest in self._at_home.items()
        )

    def kept(self) -> tuple[str, ...]:
        return tuple(
            place
            for _, place in CACHES
            if any(
                path.startswith(f"{place}/") and not path.startswith(_LEFT)
                for path in self._at_home
            )
        )

    def covered(self) -> tuple[Covered, ...]:
        return tuple(
            Covered(folder=folder, files=files, size_bytes=size, example=self._examples[folder])
            for folder, (files, size) in sorted(self._covered.items())
        )


def _stat(engine: docker.APIClient, container: str, path: str) -> dict[str, Any] | None:
    """What the engine says of a path without reading it; None if nothing is there."""
    answer = engine.head(
        engine._url("/containers/{0}/archive", container),
        params={"path": path},
        timeout=engine.timeout,
    )
    said = answer.headers.get("X-Docker-Container-Path-Stat")
    if answer.status_code != 200 or not said:
        return None
    about: dict[str, Any] = json.loads(b64decode(said))
    return about


# Bits of Go's file modes, which the engine's answer has.
_GO_FOLDER, _GO_LINK, _GO_SPECIAL = 1 << 31, 1 << 27, (1 << 26) | (1 << 25) | (1 << 24) | (1 << 21)


def _refuse_special(engine: docker.APIClient, container: str, path: str) -> None:
    about = _stat(engine, container, path)
    if about is not None and about["mode"] & _GO_LINK:
        target = str(about.get("linkTarget") or "/")
        if target.startswith(_AT_RUN_TIME):
            raise ImageProblem(
                f"{path} of the image is a link to {one_line(target)}, which is there at run time"
                " alone: an engine that opens it may wait for ever; make it an ordinary file"
            )
        about = _stat(engine, container, target)
    if about is not None and about["mode"] & _GO_SPECIAL:
        raise ImageProblem(
            f"{path} of the image is a pipe, a socket or a device: an engine that opens it waits"
            " for ever; make it an ordinary file"
        )


def _lines(engine: docker.APIClient, container: str, path: str) -> str | None:
    """The image's file of `_FIXED`; empty where there is none, None where it can't be covered."""
    about = _stat(engine, container, path)
    if about is None:
        folder = _stat(engine, container, "/etc")
        return "" if folder is None or folder["mode"] & _GO_FOLDER else None
    if about["mode"] & (_GO_FOLDER | _GO_LINK) or about["size"] > _LARGEST_ACCOUNTS:
        return None
    chunks, _ = engine.get_archive(container, path)
    least = _FIXED[path]
    with tarfile.open(fileobj=_Chunks(iter(chunks)), mode="r|") as archive:  # type: ignore[call-overload]
        for info in archive:
            stream = archive.extractfile(info)
            text = stream.read(_LARGEST_ACCOUNTS).decode("utf-8", "replace") if stream else ""
            return "".join(f"{line}\n" for line in text.splitlines() if line.count(":") >= least)
    return None


def _answer(cache: Path, image_id: str) -> Path:
    return cache / f"images-{_VERSION}" / f"{image_id.removeprefix('sha256:')}.json"


def recall(image_id: str, cache: Path) -> Surroundings | None:
    """What an earlier look at the image, a matter of seconds, has found."""
    try:
        return msgspec.json.decode(_answer(cache, image_id).read_bytes(), type=Surroundings)
    except (OSError, msgspec.MsgspecError):
        return None


def remember(image_id: str, around: Surroundings, cache: Path) -> None:
    """Spare the next run the look; if that can't be written, it costs seconds and no more."""
    path = _answer(cache, image_id)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_bytes(msgspec.json.encode(around))
        part.replace(path)
