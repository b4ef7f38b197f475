"""Reading npz archives from anyone: no pickle, and every size is known before it is allocated.

Format: a zip of `.npy` members, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_ARRAY_BYTES", "NpzError", "array_headers", "read_array", "write_npz"]

MAX_ARRAY_BYTES = 4 << 30
"""The largest array that is read where the caller sets no limit of its own."""

_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_EPOCH = (1980, 1, 1, 0, 0, 0)


class NpzError(Exception):
    """An archive or a member is not what it should be; the text says why, in one line."""


class Header:
    """Shape, dtype and order of one member, from its header alone."""

    __slots__ = ("dtype", "fortran_order", "shape")

    def __init__(self, shape: tuple[int, ...], fortran_order: bool, dtype: np.dtype) -> None:
        self.shape = shape
        self.fortran_order = fortran_order
        self.dtype = dtype

    @property
    def nbytes(self) -> int:
        """Bytes of the array's data."""
        return math.prod(self.shape) * self.dtype.itemsize


def _read_header(stream: IO[bytes], key: str) -> Header:
    try:
        version = np.lib.format.read_magic(stream)
        if version not in _READERS:
            raise NpzError(f"member `{key}` has npy format version {version}")
        shape, fortran_order, dtype = _READERS[version](stream, max_header_size=10_000)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise NpzError(f"member `{key}` has no valid npy header: {error}") from error
    if any(isinstance(size, bool) or size < 0 for size in shape):
        raise NpzError(f"member `{key}` claims the shape {shape}")
    return Header(shape, fortran_order, dtype)


class _Archive:
    """An open npz file whose members can be looked up by key."""

    def __init__(self, source: Path | IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(source)
        except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError) as error:
            raise NpzError(f"not an npz (zip) archive: {error}") from error
        self.members: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            key = info.filename.removesuffix(".npy")
            if key in self.members:
                raise NpzError(f"the archive holds two members `{key}`")
            self.members[key] = info

    def __enter__(self) -> "_Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def open(self, key: str) -> IO[bytes]:
        info = self.members.get(key)
        if info is None:
            found = ", ".join(f"`{name}`" for name in sorted(self.members)[:8]) or "nothing"
            raise NpzError(f"no array `{key}`; the archive holds {found}")
        if info.flag_bits & 0x1:
            raise NpzError(f"member `{key}` is encrypted")
        return self._zip.open(info)


_BAD_BYTES = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError)


def array_headers(source: Path | IO[bytes]) -> dict[str, Header]:
    """Shape and dtype of every array, without reading its data.

    Raises:
        NpzError: not an npz archive, or a member without a valid header.
    """
    with _Archive(source) as archive:
        headers = {}
        for key in archive.members:
            try:
                with archive.open(key) as stream:
                    headers[key] = _read_header(stream, key)
            except _BAD_BYTES as error:
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
                header = _read_header(stream, key)
                if header.dtype.hasobject or header.dtype.kind not in "biuf":
                    raise NpzError(
                        f"array `{key}` has dtype {header.dtype}; expected integers"
                        " (objects need pickle, which is never read)"
                    )
                if shape is not None and header.shape != shape:
                    raise NpzError(f"array `{key}` has shape {header.shape}; expected {shape}")
                if header.nbytes > max_bytes:
                    raise NpzError(
                        f"array `{key}` has {header.nbytes} bytes; at most {max_bytes} are read"
                    )
                data = bytearray(header.nbytes)
                filled = _read_into(stream, memoryview(data))
                if filled < header.nbytes or stream.read(1):
                    raise NpzError(
                        f"array `{key}` has other than the {header.nbytes} bytes of its header"
                    )
        except _BAD_BYTES as error:
            raise NpzError(f"member `{key}` is damaged: {error}") from error
    flat = np.frombuffer(data, dtype=header.dtype)
    array = flat.reshape(header.shape, order="F" if header.fortran_order else "C")
    return np.ascontiguousarray(array, dtype=header.dtype.newbyteorder("=")).reshape(header.shape)


def _read_into(stream: IO[bytes], view: memoryview) -> int:
    filled = 0
    while filled < len(view):
        chunk = stream.read(min(1 << 20, len(view) - filled))
        if not chunk:
            break
        view[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    return filled


def write_npz(path: Path, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Write a compressed npz whose bytes depend on nothing but the arrays.

    `numpy.savez_compressed` stamps the current time into the archive, so that two builds of the
    same data would have different hashes.

    Args:
        path: where to write; the folder must exist.
        arrays: written in this order.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for key, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asanyarray(array), allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{key}.npy", date_time=_EPOCH),
                buffer.getvalue(),
                compress_type=zipfile.ZIP_DEFLATED,
            )
