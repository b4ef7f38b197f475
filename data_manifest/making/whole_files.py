"""Whether a file holds what its header says: libraries read on where it does not.

nibabel never comes to a gzip file's checksum. MetaIO gives whatever was in memory where data are
not where the header puts them, and leaves out keys in other capitals.
"""

# mypy: disallow-untyped-calls=False
# (isal has no annotations)

import math
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from isal import igzip, isal_zlib

from data_manifest.layouts.metaimage import ELEMENT_TYPES
from data_manifest.layouts.npz_member import DecompressionError
from data_manifest.making.image_formats import FormatError

_BLOCK = 1 << 20
_COPY = "take a fresh copy, with the file of its data"
_DATA_FOLLOW = re.compile(rb"^[ \t]*ElementDataFile[ \t]*[=:][^\n]*\n", re.MULTILINE)
_KEYS = (
    *("NDims", "DimSize", "ElementType", "ElementSpacing", "ElementSize", "ElementDataFile"),
    *("ElementNumberOfChannels", "BinaryData", "CompressedData", "CompressedDataSize"),
    *("HeaderSize", "TransformMatrix", "Rotation", "Orientation", "Offset", "Position", "Origin"),
    *("BinaryDataByteOrderMSB", "ElementByteOrderMSB"),
)
_SPELLED = {key.casefold(): key for key in _KEYS}


def unpacked_size(path: Path) -> int:
    """How many bytes a file holds, of a gzip file unpacked, which is read to its end.

    Raises:
        FormatError: a gzip file that is cut off, or whose checksum is another.
    """
    if not path.name.lower().endswith(".gz"):
        return path.stat().st_size
    try:
        with igzip.open(path) as stream:
            return sum(map(len, iter(lambda: stream.read(_BLOCK), b"")))
    except (EOFError, OSError, zlib.error, DecompressionError) as error:
        fault = f"can't be read as gzip: {error}"
        raise FormatError(fault, "a whole file", "take a fresh copy") from error


def behind(size: int, expected: int) -> list[str]:
    """What is said of bytes behind a file's data."""
    more = size - expected
    return [f"{more} bytes behind its data were left out"] if more > 0 else []


def check_metaimage(path: Path, keys: Mapping[str, str]) -> list[str]:
    """Notes on a MetaImage whose data are where and as many as its header says.

    Args:
        path: of the header.
        keys: its keys, as they are spelled, with their values.

    Raises:
        FormatError: they are not, or can be understood in two ways.
    """
    named = _checked_keys(keys)
    local = named.upper() == "LOCAL"
    data = path if local else path.parent / named
    if not data.is_file():
        raise FormatError(f"its data, {named[:80]}: no such file", "the file", _COPY)
    start = _start(path) if local else 0
    skipped = int(keys.get("HeaderSize", "0") or 0)
    if skipped not in (0, -1) and local:
        raise FormatError(
            f"HeaderSize {skipped} with data in the file itself, which readers take differently",
            "data right behind the header",
            "write it again",
        )
    expected, size = _expected(keys), data.stat().st_size - start - max(0, skipped)
    if keys.get("CompressedData", "False").casefold() in ("true", "1"):
        size = _inflated_size(data, start)
        if local and not keys.get("CompressedDataSize"):
            raise FormatError(
                "CompressedData without CompressedDataSize, without which readers find no data",
                "both keys",
                "write it again, with SimpleITK",
            )
    if size < expected:
        raise FormatError(
            f"can't be read: its data end after {size} of {expected} bytes", "all of them", _COPY
        )
    return behind(size, expected) if skipped != -1 else []


def _checked_keys(keys: Mapping[str, str]) -> str:
    """Which file the data are in."""
    for key in keys:
        if key != (spelled := _SPELLED.get(key.casefold(), key)):
            raise FormatError(f"the key `{key}`", f"`{spelled}`", "write it so: readers ignore it")
    named = keys.get("ElementDataFile", "")
    if not named:
        raise FormatError("can't be read: no ElementDataFile", "a MetaImage", _COPY)
    if named.split()[0] == "LIST" or "%" in named:
        raise FormatError(
            f"data in several files ({named[:40]})", "one file", "write it as one .mha"
        )
    if keys.get("BinaryData", "True").casefold() not in ("true", "1"):
        raise FormatError("values written as text", "BinaryData = True", "write it as binary")
    return named


def _start(path: Path) -> int:
    with path.open("rb") as stream:
        last = _DATA_FOLLOW.search(stream.read(1 << 16))
    return last.end() if last else 0


def _expected(keys: Mapping[str, str]) -> int:
    """Bytes of the data."""
    kind = keys.get("ElementType", "")
    try:
        sizes = [int(size) for size in keys.get("DimSize", "").split()]
        channels = int(keys.get("ElementNumberOfChannels", "1"))
        if len(sizes) != int(keys.get("NDims", "")) or min(*sizes, channels) < 1:
            raise ValueError
        lengths = [keys[key].split() for key in ("ElementSpacing", "ElementSize") if key in keys]
        if any(len(each) != len(sizes) for each in lengths):
            raise ValueError
        itemsize = int(ELEMENT_TYPES[kind.removesuffix("_ARRAY")][1:])
    except (KeyError, ValueError):
        fault = f"NDims {keys.get('NDims')}, DimSize {keys.get('DimSize')}, ElementType {kind}"
        for key in ("ElementSpacing", "ElementNumberOfChannels"):
            fault += f", {key} {keys[key]}" if key in keys else ""
        raise FormatError(fault[:200], "a size and a spacing along each axis", _COPY) from None
    return math.prod(sizes) * channels * itemsize


def _inflated_size(path: Path, start: int) -> int:
    inflater: Any = isal_zlib.decompressobj()

    def blocks() -> Iterator[int]:
        with path.open("rb") as stream:
            stream.seek(start)
            while not inflater.eof and (packed := stream.read(_BLOCK)):
                yield len(inflater.decompress(packed))

    try:
        size = sum(blocks())
    except (OSError, DecompressionError) as error:
        raise FormatError(
            f"can't be read: its data are not compressed: {error}", "zlib", _COPY
        ) from error
    if not inflater.eof:
        raise FormatError(
            f"can't be read: its compressed data end after {size} bytes", "all of them", _COPY
        )
    return size
