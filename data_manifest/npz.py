"""Reading npz archives from anyone: no pickle, and every size is known before it is allocated.

An npz is a zip of npy members; `npy_header` reads their headers.
"""

import io
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from data_manifest.npy_header import Header, NpzError, read_header

__all__ = [
    "MAX_ARRAY_BYTES",
    "Header",
    "NpzError",
    "array_headers",
    "array_names",
    "read_array",
    "write_npz",
]

MAX_ARRAY_BYTES = 4 << 30
"""The largest array that is read where the caller sets no limit of its own."""

_CHUNK = 1 << 20
_MAX_AXES = 32
_EPOCH = (1980, 1, 1, 0, 0, 0)
_BAD_ARCHIVE = (
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


class _SmallReads(io.BufferedIOBase):
    """A stream that refuses to be read in one large piece.

    `zipfile` reads the archive's table of contents whole, as long as the archive says that it is,
    and makes an object of half a kilobyte for every 50 bytes of it.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._stream.seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = _CHUNK
        if size > _CHUNK:
            raise NpzError(
                f"the archive's table of contents has {size} bytes; at most 1 MiB is read"
            )
        return self._stream.read(size)


class _Archive:
    """An open npz file whose members can be looked up by key."""

    def __init__(self, source: Path | IO[bytes]) -> None:
        self._own: IO[bytes] | None = None
        try:
            if isinstance(source, Path):
                if source.exists() and not source.is_file():
                    raise NpzError("not a regular file")
                source = self._own = source.open("rb")
            self._zip = zipfile.ZipFile(_SmallReads(source))
            self.members: dict[str, zipfile.ZipInfo] = {}
            for info in self._zip.infolist():
                key = info.filename.removesuffix(".npy")
                if key in self.members:
                    raise NpzError(f"the archive holds two members `{key}`")
                self.members[key] = info
        except FileNotFoundError as error:
            raise NpzError("no such file") from error
        except _BAD_ARCHIVE as error:
            self.close()
            raise NpzError(f"not an npz (zip) archive: {error}") from error
        except NpzError:
            self.close()
            raise

    def __enter__(self) -> "_Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self.close()

    def close(self) -> None:
        if self._own is not None:
            self._own.close()

    def open(self, key: str) -> IO[bytes]:
        info = self.members.get(key)
        if info is None:
            found = ", ".join(f"`{name}`" for name in sorted(self.members)[:8]) or "nothing"
            raise NpzError(f"no array `{key}`; the archive holds {found}")
        if info.flag_bits & 0x1:
            raise NpzError(f"member `{key}` is encrypted")
        # The other methods are decompressed without a limit, however little is asked for.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NpzError(f"member `{key}` is compressed by a method that numpy does not use")
        return self._zip.open(info)


def array_names(source: Path | IO[bytes]) -> tuple[str, ...]:
    """The names of an archive's members, without `.npy`; no member is looked into.

    Raises:
        NpzError: not an npz archive.
    """
    with _Archive(source) as archive:
        return tuple(archive.members)


def array_headers(source: Path | IO[bytes]) -> dict[str, Header]:
    """Shape and dtype of every array, without reading its data.

    Raises:
        NpzError: not an npz archive, or a member without a plain header.
    """
    with _Archive(source) as archive:
        headers = {}
        for key in archive.members:
            try:
                with archive.open(key) as stream:
                    headers[key] = read_header(stream, key)
            except _BAD_ARCHIVE as error:
                raise NpzError(f"member `{key}` is damaged: {error}") from error
        return headers


def read_array(
    source: Path | IO[bytes],
    key: str,
    *,
    max_bytes: int = MAX_ARRAY_BYTES,
    shape: tuple[int, ...] | None = None,
) -> npt.NDArray[np.generic]:
    """Read one array of an npz archive that a stranger wrote.

    The header is checked before anything is allocated: a boolean or number dtype, the shape where
    one is expected, and no more than `max_bytes`. Of the data no more is decompressed than the
    header announces.

    Args:
        source: path, or a seekable binary stream.
        key: name of the array, without `.npy`.
        max_bytes: the most that the array may take.
        shape: the shape that it must have, if that is known.

    Returns:
        The array in its own dtype, native byte order, C order.

    Raises:
        NpzError: with the reason, for everything that is wrong with the file.
    """
    with _Archive(source) as archive:
        try:
            with archive.open(key) as stream:
                header = read_header(stream, key)
                size = archive.members[key].file_size
                _check_header(header, key, size=size, max_bytes=max_bytes, shape=shape)
                data = _read_data(stream, header, key)
        except _BAD_ARCHIVE as error:
            raise NpzError(f"member `{key}` is damaged: {error}") from error
    array: npt.NDArray[np.generic] = data.view(header.dtype)
    array = array.reshape(header.shape, order="F" if header.fortran_order else "C")
    return array.astype(header.dtype.newbyteorder("="), order="C", copy=False)


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


def _read_data(stream: IO[bytes], header: Header, key: str) -> npt.NDArray[np.uint8]:
    # `empty` takes pages only as they are filled, so an archive that lies costs what it holds.
    data = np.empty(header.nbytes, dtype=np.uint8)
    filled = 0
    while filled < len(data):
        chunk = stream.read(min(_CHUNK, len(data) - filled))
        if not chunk:
            raise NpzError(f"array `{key}` ends after {filled} of {header.nbytes} bytes")
        data[filled : filled + len(chunk)] = np.frombuffer(chunk, dtype=np.uint8)
        filled += len(chunk)
    return data


def write_npz(path: Path, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Write a compressed npz, all or nothing, whose bytes depend on nothing but the arrays.

    `numpy.savez_compressed` stamps the current time into the archive, so that two builds of the
    same data would have different hashes.

    Args:
        path: where to write; the folder must exist.
        arrays: written in this order.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                for key, array in arrays.items():
                    info = zipfile.ZipInfo(f"{key}.npy", date_time=_EPOCH)
                    info.compress_type = zipfile.ZIP_DEFLATED
                    info.create_system = 3  # by default the platform's
                    info.external_attr = 0o644 << 16
                    large = array.nbytes > 1 << 30
                    with archive.open(info, "w", force_zip64=large) as member:
                        np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
