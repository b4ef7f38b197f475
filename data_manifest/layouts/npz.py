"""Reading npz archives from anyone: no pickle, and every size is known before it is allocated.

An npz is a zip of npy members; `npy_header` reads their headers.
"""

import contextlib
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from data_manifest.layouts.labels import (
    BLOCK,
    Buffer,
    Fractions,
    LabelError,
    ShortDataError,
    read_labels,
)
from data_manifest.layouts.npy_header import Header, NpzError, read_header
from data_manifest.layouts.npz_member import DecompressionError, Member
from data_manifest.layouts.npz_writing import write_npz
from data_manifest.layouts.pickled import MAX_PICKLED_BYTES, Plain, read_pickled
from data_manifest.layouts.small_reads import SmallReads

__all__ = [
    "MAX_ARRAY_BYTES",
    "Header",
    "NpzArchive",
    "NpzError",
    "array_headers",
    "array_names",
    "read_array",
    "write_npz",
]

MAX_ARRAY_BYTES = 4 << 30
"""The largest array that is read where the caller sets no limit of its own."""

_NPY = b"\x93NUMPY"
_MAX_AXES = 32
_BAD_ARCHIVE = (
    DecompressionError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class NpzArchive:
    """An open npz file whose arrays are looked up by key.

    Of every array the header is checked before anything is allocated: a boolean or number dtype,
    the shape where one is expected, the size. Of the data no more is decompressed than the header
    announces.
    """

    def __init__(self, source: Path | IO[bytes], *, last_counts: bool = False) -> None:
        """Read the archive's table of contents.

        Args:
            source: path, or a seekable binary stream.
            last_counts: of several members of one name, as numpy has it; else they are refused.

        Raises:
            NpzError: not an npz archive.
        """
        self._own: IO[bytes] | None = None
        try:
            if isinstance(source, Path):
                if source.exists() and not source.is_file():
                    raise NpzError("not a regular file")
                source = self._own = source.open("rb")
            if source.read(len(_NPY)) == _NPY:
                fault = "one array in npy format under the name of an npz archive"
                raise NpzError(f"{fault}: `numpy.savez_compressed(FILE, NAME=array)` writes one")
            source.seek(0)
            self._file = source
            self._members: dict[str, zipfile.ZipInfo] = {}
            with zipfile.ZipFile(SmallReads(source)) as contents:
                for info in contents.infolist():
                    key = info.filename.removesuffix(".npy")
                    if key in self._members and not last_counts:
                        raise NpzError(f"the archive holds two members `{key}`")
                    self._members[key] = info
        except FileNotFoundError as error:
            raise NpzError("no such file") from error
        except _BAD_ARCHIVE as error:
            self.close()
            raise NpzError(f"not an npz (zip) archive: {error}") from error
        except NpzError:
            self.close()
            raise

    def __enter__(self) -> "NpzArchive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._own is not None:
            self._own.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the members, without `.npy`."""
        return tuple(self._members)

    def header(self, key: str) -> Header:
        """Shape and dtype of one array, without reading its data.

        Raises:
            NpzError: no such member, or one without a plain header.
        """
        with self._member(key) as (_, header):
            return header

    def array(
        self, key: str, *, max_bytes: int = MAX_ARRAY_BYTES, shape: tuple[int, ...] | None = None
    ) -> npt.NDArray[np.generic]:
        """Read one array.

        Args:
            key: its name, without `.npy`.
            max_bytes: the most that it may take.
            shape: the shape that it must have, if that is known.

        Returns:
            The array in its own dtype, native byte order, C order.

        Raises:
            NpzError: with the reason, for everything that is wrong with the file.
        """
        with self._member(key) as (member, header):
            _check_header(header, key, size=member.size, max_bytes=max_bytes, shape=shape)
            # `empty` takes pages only as they are filled: an archive that lies costs what it holds.
            data = np.empty(math.prod(header.shape), dtype=header.dtype)
            for start, block in _blocks(member, header, key):
                data[start : start + block.size] = block
        array: npt.NDArray[np.generic] = _in_shape(data, header)
        return array.astype(header.dtype.newbyteorder("="), order="C", copy=False)

    def label_map(
        self,
        key: str,
        *,
        max_bytes: int = MAX_ARRAY_BYTES,
        shape: tuple[int, ...] | None = None,
        into: Buffer | None = None,
        fractions: Fractions = "refuse",
    ) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
        """Read one array of labels, whatever number dtype it was written in.

        Args:
            key: its name, without `.npy`.
            max_bytes: the most that it may take in its own dtype.
            shape: the shape that it must have, if that is known.
            into: memory to use; what was read into it before is lost.
            fractions: what becomes of them.

        Returns:
            uint8 where it was written as uint8 or bool, else uint16; in its own memory order.

        Raises:
            NpzError: with the reason, for everything that is wrong with the file; a value that is
                not a whole number from 0 to MAX_LABEL is.
        """
        with self._member(key) as (member, header):
            _check_header(header, key, size=member.size, max_bytes=max_bytes, shape=shape)
            try:
                count = math.prod(header.shape)
                labels = read_labels(
                    member.read, header.dtype, count, into=into, fractions=fractions
                )
            except (LabelError, ShortDataError) as error:
                raise NpzError(f"array `{key}` {error}") from error
        return _in_shape(labels, header)

    def objects(self, key: str) -> list[Plain]:
        """The values of an array of objects: dictionaries, lists, texts and numbers, as data.

        Raises:
            NpzError: with the reason; whatever else its pickle says is refused unrun.
        """
        with self._member(key) as (member, header):
            if header.dtype != np.dtype(object):
                raise NpzError(f"array `{key}` has dtype {header.dtype}; expected objects")
            return read_pickled(member.read(MAX_PICKLED_BYTES + 1), key)

    @contextlib.contextmanager
    def _member(self, key: str) -> Iterator[tuple[Member, Header]]:
        """One member, its header read; what goes wrong while it is read becomes an NpzError."""
        info = self._members.get(key)
        if info is None:
            names = ", ".join(f"`{name}`" for name in sorted(self._members)[:8]) or "nothing"
            raise NpzError(f"no array `{key}`; the archive holds {names}")
        try:
            member = Member(self._file, info, key)
            yield member, read_header(member, key)
        except _BAD_ARCHIVE as error:
            raise NpzError(f"member `{key}` is damaged: {error}") from error


def array_names(source: Path | IO[bytes]) -> tuple[str, ...]:
    """The names of an archive's members, without `.npy`; no member is looked into.

    Raises:
        NpzError: not an npz archive.
    """
    with NpzArchive(source) as archive:
        return archive.names


def array_headers(source: Path | IO[bytes]) -> dict[str, Header]:
    """Shape and dtype of every array, without reading its data; of one name, the last one's.

    Raises:
        NpzError: not an npz archive, or a member without a plain header.
    """
    with NpzArchive(source, last_counts=True) as archive:
        return {key: archive.header(key) for key in archive.names}


def read_array(
    source: Path | IO[bytes],
    key: str,
    *,
    max_bytes: int = MAX_ARRAY_BYTES,
    shape: tuple[int, ...] | None = None,
) -> npt.NDArray[np.generic]:
    """Read one array of an npz archive; arguments and exceptions are those of NpzArchive.array."""
    with NpzArchive(source) as archive:
        return archive.array(key, max_bytes=max_bytes, shape=shape)


def _check_header(
    header: Header, key: str, *, size: int, max_bytes: int, shape: tuple[int, ...] | None
) -> None:
    if header.dtype.kind not in "biuf":
        raise NpzError(
            f"array `{key}` has dtype {header.dtype}; expected integers"
            " (objects need pickle, which is never read)"
        )
    if shape is not None and header.shape != shape:
        raise NpzError(f"array `{key}` has shape {header.shape}; expected {shape}")
    if len(header.shape) > _MAX_AXES:
        raise NpzError(f"array `{key}` has {len(header.shape)} axes")
    # An axis of 0 would hide the others' sizes from the product.
    if math.prod(max(axis, 1) for axis in header.shape) * header.dtype.itemsize > max_bytes:
        raise NpzError(
            f"array `{key}` has shape {header.shape}; at most {max_bytes} bytes are read"
        )
    if header.header_bytes + header.nbytes != size:
        raise NpzError(
            f"array `{key}` has other than the {header.nbytes} bytes of data that its header"
            f" announces: {size - header.header_bytes}"
        )


def _blocks(
    member: Member, header: Header, key: str
) -> Iterator[tuple[int, npt.NDArray[np.generic]]]:
    """The data in pieces: the index of each one's first element, and the elements."""
    item = header.dtype.itemsize
    done, size = 0, math.prod(header.shape)
    while done < size:
        block = member.read(min(BLOCK, (size - done) * item))
        whole = len(block) // item
        if not whole or len(block) % item:
            raise NpzError(
                f"array `{key}` ends after {done * item + len(block)} of {header.nbytes} bytes"
            )
        yield done, np.frombuffer(block, dtype=header.dtype)
        done += whole


def _in_shape(data: npt.NDArray[Any], header: Header) -> npt.NDArray[Any]:
    return data.reshape(header.shape, order="F" if header.fortran_order else "C")
