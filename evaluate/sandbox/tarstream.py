"""Reads a stranger's tar file as a stream: nothing is unpacked, and memory stays bounded."""

import bz2
import gzip
import hashlib
import io
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import zstandard

from evaluate.facts.errors import SubmissionError
from evaluate.sandbox.port import ImageProblem

# Not by `>`: PowerShell makes text of what goes through it.
SAVE = "`docker save -o TEAM.tar IMAGE`, then `gzip TEAM.tar`"

_MOST_MEMBERS = 10_000  # an image has at most some hundred layers
_LARGEST_UNPACKED = 128 * 2**30
_LARGEST_HEADER = 2**20
# Nothing that people put into images shrinks to a hundredth, beyond what any image may have.
_LARGEST_RATIO, _RATIO_FROM = 100, 2**30
_POWERSHELL = "UTF-16 text, which PowerShell makes of what goes through `>` and `|`"
_WEB_PAGE = "a web page, such as a login's or an error's"
# What comes instead of an archive, by its first letters without regard to case.
_OTHER_FILES = {
    b"\xff\xfe": _POWERSHELL,
    b"\xfe\xff": _POWERSHELL,
    b"<!doctype": _WEB_PAGE,
    b"<html": _WEB_PAGE,
    b"<?xml": _WEB_PAGE,
    b"version https://git-lfs": "a pointer of Git LFS, without the file itself (`git lfs pull`)",
    b"pk\x03\x04": "a zip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"rar!": "a RAR archive",
    b"#!/usr/bin/env run-singularity": "a Singularity image",
}
_LARGEST_ZSTD_WINDOW = 2**27  # what `zstd --long` asks for; more must be refused, not allocated
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError)
_EXTENDED = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


class _BoundedHeader(tarfile.TarInfo):
    """Refuses headers that would make `tarfile` read gigabytes into memory."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in _EXTENDED and self.size > _LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a sparse member")
        return super()._proc_member(archive)  # type: ignore[misc]

    def _proc_gnusparse_10(self, *_: Any) -> None:
        raise tarfile.ReadError("a sparse member")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10


class _HashingFile:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data

    def finish(self) -> str:
        while self.read(2**20):
            pass
        return self._digest.hexdigest()


class TarMember:
    """One regular file or link of an archive, readable until the next one is asked for.

    Attributes:
        name: normalised path.
        size: bytes of a regular file.
        link: normalised path that a link stands for; None for a regular file.
    """

    def __init__(self, info: tarfile.TarInfo, data: IO[bytes] | None) -> None:
        self.name = posixpath.normpath(info.name)
        self.size = info.size
        self.link: str | None = None
        if info.issym():
            folder = posixpath.dirname(self.name)
            self.link = posixpath.normpath(posixpath.join(folder, info.linkname))
        elif info.islnk():
            self.link = posixpath.normpath(info.linkname)
        self._data = data

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; ends where the member ends."""
        if self._data is None or size <= 0:
            return b""
        try:
            return self._data.read(size)
        except _DAMAGE as error:
            raise ImageProblem(_damaged(error)) from error

    def stream(self) -> io.BufferedReader:
        """It as a file with `peek`."""
        return io.BufferedReader(_MemberFile(self))

    def chunks(self, size: int) -> Iterator[bytes]:
        """All that is left of it; exactly `self.size` bytes if nothing was read before."""
        while chunk := self.read(size):
            yield chunk


class TarStream:
    """The members of an archive in order; a context manager. Made by `open_members`."""

    def __init__(self, file: IO[bytes], name: str, size: int) -> None:
        self._file = file
        self._hashing = _HashingFile(file)
        self._name = name
        self._most_bytes = max(_RATIO_FROM, _LARGEST_RATIO * size)
        start = file.peek(64)[:64]  # type: ignore[attr-defined]
        magic = start[:6]
        for begins, what in _OTHER_FILES.items():
            if start.lstrip().lower().startswith(begins):
                file.close()
                fault = f"{name} is {what}, and no archive of an image"
                raise ImageProblem(f"{fault}; save it again with {SAVE}")
        self._unpacked = _decompressed(self._hashing, magic)
        self._compressed = self._unpacked is not self._hashing

    def __enter__(self) -> "TarStream":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[TarMember]:
        """Regular files and links; folders are passed over.

        Raises:
            ImageProblem: not a tar file, damaged, too large, or with members that no archive of
                an image has.
        """
        for archive, info in self._headers(_MOST_MEMBERS):
            if info.isdir():
                continue
            if not (info.isreg() or info.issym() or info.islnk()):
                raise ImageProblem(
                    f"{self._name} holds {info.name!r}, which is no file, folder or link: "
                    "`docker save` writes no such thing"
                )
            yield TarMember(info, archive.extractfile(info) if info.isreg() else None)

    def entries(self, most: int) -> Iterator[tuple[tarfile.TarInfo, TarMember]]:
        """Everything in it, folders and devices too, as a layer holds them.

        Raises:
            ImageProblem: not a tar file, damaged, or more than `most` entries.
        """
        for archive, info in self._headers(most):
            yield info, TarMember(info, archive.extractfile(info) if info.isreg() else None)

    def _headers(self, most: int) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
        total = 0
        unpacked = self._unpacked
        try:
            if self._compressed:
                unpacked = io.BufferedReader(unpacked)
                if is_compressed(unpacked.peek(6)[:6]):
                    raise ImageProblem(
                        f"{self._name} is compressed twice; decompress it once (`gunzip`), or save"
                        f" it again with {SAVE}"
                    )
            with tarfile.open(
                fileobj=unpacked, mode="r|", tarinfo=_BoundedHeader, bufsize=2**16
            ) as archive:
                for number, info in enumerate(archive):
                    # A stream remembers every member, which a hostile one uses to fill memory.
                    archive.members.clear()  # type: ignore[attr-defined]
                    total += info.size
                    if total > self._most_bytes:
                        raise ImageProblem(
                            f"{self._name} unpacks to over {_LARGEST_RATIO} times its size, as no"
                            " image does"
                        )
                    if number >= most or total > _LARGEST_UNPACKED:
                        raise ImageProblem(
                            f"{self._name} unpacks to more than {most} files or "
                            f"{_LARGEST_UNPACKED // 2**30} GiB; make the image smaller"
                        )
                    yield archive, info
        except _DAMAGE as error:
            raise ImageProblem(f"{self._name}: {_damaged(error)}") from error

    def sha256(self) -> str:
        """Of the whole file, as it is on the disk."""
        return self._hashing.finish()


def open_members(path: Path) -> TarStream:
    """Open an archive: plain, gzip, bzip2, xz or zstd.

    Raises:
        SubmissionError: the file can't be read.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        fault, mend = f"can't be read: {error}", "look at its rights"
        raise SubmissionError(where=str(path), found=fault, mend=mend) from error
    try:
        return TarStream(file, path.name, path.stat().st_size)
    except BaseException:
        file.close()
        raise


def open_layer(member: TarMember) -> TarStream:
    """A member that is a tar file itself, plain or compressed; readable as long as the member is.

    Raises:
        ImageProblem: compressed in another way.
    """
    return TarStream(member.stream(), member.name, member.size)


def unpacked_bytes(stream: IO[bytes], magic: bytes, name: str, size: int) -> int:
    """How many bytes a compressed member holds; counted, and not kept.

    Raises:
        ImageProblem: it is damaged, or a bomb.
    """
    total = 0
    try:
        unpacked = _decompressed(stream, magic)
        while chunk := unpacked.read(2**20):
            total += len(chunk)
            if total > max(_RATIO_FROM, _LARGEST_RATIO * size):
                raise ImageProblem(
                    f"{name} unpacks to over {_LARGEST_RATIO} times its size, as no layer does"
                )
    except _DAMAGE as error:
        raise ImageProblem(f"{name}: {_damaged(error)}") from error
    return total


class _MemberFile(io.RawIOBase):
    """A member as a raw file."""

    def __init__(self, member: TarMember) -> None:
        self._member = member

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._member.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def is_compressed(magic: bytes) -> bool:
    """Whether a file that begins with these bytes is compressed in a way that is read here."""
    return magic.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"))


def _decompressed(file: Any, magic: bytes) -> Any:
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file, mode="rb")
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if magic.startswith(b"\xfd7zXZ"):
        return lzma.LZMAFile(file)
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        decompressor = zstandard.ZstdDecompressor(max_window_size=_LARGEST_ZSTD_WINDOW)
        return decompressor.stream_reader(file, read_across_frames=True)
    return file


def _damaged(error: BaseException) -> str:
    return (
        f"not a whole tar file, plain or compressed ({error}): cut short on its way, or not an "
        "archive; compare its size and SHA-256 with the original, or save it again with "
        f"{SAVE}"
    )
