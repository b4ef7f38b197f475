"""The header of an npy member, by its grammar: nothing in it is evaluated.

numpy's own reader is not used: it evaluates the header as a Python literal, which deep nesting
crashes, and it reads a header of any announced length before it looks at it.
Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import math
import re
import struct
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from data_manifest.errors import printable

_MAX_HEADER_BYTES = 10_000
_LENGTHS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}
# One entry of the header's dictionary; nothing else may be in it. The `L` is Python 2's.
_ENTRY = re.compile(
    r"""\s*(?:
        (['"])descr\1\s*:\s*(['"])(?P<descr>[<>|=]?[biufcmMOSUV][0-9]{0,8}(?:\[[a-z0-9]{1,8}\])?)\2
      | (['"])fortran_order\4\s*:\s*(?P<fortran_order>True|False)
      | (['"])shape\6\s*:\s*\((?P<shape>(?:\s*[0-9]{1,18}L?\s*,)*(?:\s*[0-9]{1,18}L?)?)\s*\)
    )\s*(?:,\s*|$)""",
    re.VERBOSE,
)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class NpzError(Exception):
    """An archive or a member is not what it should be; the text says why, in one short line."""

    def __init__(self, reason: str) -> None:
        line = printable(reason)  # names and headers in it are a stranger's
        super().__init__(line if len(line) <= 400 else line[:397] + "...")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Shape, dtype and order of one member, from its header alone."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[np.generic]
    header_bytes: int

    @property
    def nbytes(self) -> int:
        """Bytes of the array's data."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(stream: _Stream, key: str) -> Header:
    """Read a member's header, by its grammar: nothing in it is evaluated.

    Args:
        stream: at the member's first byte; left at the first byte of its data.
        key: the member's name, for the message.

    Raises:
        NpzError: no npy member, or not one of a plain array.
        struct.error: the member ends within its header.
    """
    magic = stream.read(8)
    layout = _LENGTHS.get((magic[6], magic[7])) if len(magic) == 8 else None
    if magic[:6] != b"\x93NUMPY" or layout is None:
        raise NpzError(f"member `{key}` is no npy array")
    (length,) = struct.unpack(layout, stream.read(struct.calcsize(layout)))
    if length > _MAX_HEADER_BYTES:
        raise NpzError(f"member `{key}` announces a header of {length} bytes")
    text = stream.read(length).decode("latin-1")
    entries = _parse_header(text)
    if entries is None:
        raise NpzError(
            f"member `{key}` has no plain npy header (pickled and structured arrays are never"
            f" read): {text.strip()[:100]}"
        )
    try:
        dtype = np.dtype(entries["descr"])
    except (TypeError, ValueError, OverflowError) as error:
        raise NpzError(f"member `{key}` has no known dtype: {entries['descr']}") from error
    sizes = [size.strip(" L\n\t\r") for size in entries["shape"].split(",")]
    return Header(
        shape=tuple(int(size) for size in sizes if size),
        fortran_order=entries["fortran_order"] == "True",
        dtype=dtype,
        header_bytes=8 + struct.calcsize(layout) + length,
    )


def _parse_header(text: str) -> dict[str, str] | None:
    body = text.strip()
    if not (body.startswith("{") and body.endswith("}")):
        return None
    body = body[1:-1].strip()
    entries: dict[str, str] = {}
    position = 0
    while position < len(body):
        match = _ENTRY.match(body, position)
        if match is None:
            return None
        position = match.end()
        for name, value in match.groupdict().items():
            if value is not None:
                if name in entries:
                    return None
                entries[name] = value
    return entries if len(entries) == 3 else None
