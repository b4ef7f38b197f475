"""MetaImage, `.mha` and `.mhd`: masks of strangers, and images for containers.

What a header names is opened in an `.mhd` alone, and only beside it.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from isal import isal_zlib

from data_manifest.cases import CaseInputs
from data_manifest.layouts.labels import Buffer, Fractions, read_labels
from data_manifest.layouts.masks import Grid, Labels, OpenMask, reading, skip, whole
from data_manifest.layouts.regular_files import Beside

_MAX_TEXT_HEADER = 10_000
ELEMENT_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}


def open_metaimage(stream: BinaryIO, beside: Beside | None = None) -> OpenMask:
    """Read the header of a MetaImage mask.

    Args:
        stream: the file.
        beside: opens the file of the data, which is so found first when labels are read; None
            where they have to be in the file itself.

    Raises:
        PredictionError: with the reason why not; so do the functions of the result.
    """
    with reading("MetaImage"):
        fields = _text_header(stream)
        place = fields["ElementDataFile"]
        local = place == "LOCAL"
        if not (local or beside) or fields.get("BinaryData", "True") != "True":
            raise ValueError("its data are not in the file itself, in binary")
        sizes = fields.get("DimSize", "").split()
        shape = tuple(int(size) for size in sizes)[::-1]

    def grid() -> Grid:
        with reading("MetaImage"):
            lengths = _first(fields, "ElementSpacing", "ElementSize")
            matrix = _first(fields, "TransformMatrix", "Rotation", "Orientation")
            directions = np.array(matrix).reshape(3, 3).T if len(shape) == 3 and matrix else None
            spacing_mm = tuple(lengths[::-1]) or None  # a spacing that no key names is none
            origin = np.array(_first(fields, "Offset", "Position", "Origin"))
            to_front = np.array([-1.0, -1.0, 1.0])  # the format's x and y run left and back
            return Grid(
                spacing_mm=spacing_mm,
                directions=None if directions is None else directions * to_front[:, np.newaxis],
                origin_mm=tuple((origin * to_front).tolist()) if len(origin) == 3 else None,
            )

    def labels(into: Buffer | None, fractions: Fractions) -> Labels:
        opened = nullcontext(stream) if local or beside is None else beside(place)
        with reading("MetaImage"), opened as data:
            if not local:
                skip(data.read, _before_data(fields))
            is_compressed = fields.get("CompressedData") == "True"
            read = whole(_inflated(data) if is_compressed else data.read)
            return read_labels(
                read, _dtype(fields), int(np.prod(shape)), into=into, fractions=fractions
            )

    return OpenMask(
        shape=shape,
        dtype=np.dtype(ELEMENT_TYPES.get(fields.get("ElementType", ""), "V")),
        has_slice_axis=True,
        grid=grid,
        labels=labels,
    )


def write_metaimage(path: Path, inputs: CaseInputs) -> None:
    """Write a case's image; the same image gives the same bytes.

    Args:
        path: ends in `.mha`.
        inputs: (D, H, W).

    Raises:
        ValueError: a picture of colours.
    """
    if inputs.axes == 2:
        raise ValueError("a picture of colours; a MetaImage here holds a volume")
    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "0 0 0",
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": " ".join(map(repr, (inputs.spacing_mm or (1.0,) * 3)[::-1])),
        "DimSize": " ".join(map(str, inputs.image.shape[::-1])),
        "ElementType": "MET_UCHAR",
        "ElementDataFile": "LOCAL",
    }
    header = "".join(f"{key} = {value}\n" for key, value in fields.items())
    path.write_bytes(header.encode("ascii") + inputs.image.tobytes())


def _first(fields: Mapping[str, str], *keys: str) -> list[float]:
    """The numbers of the first of these keys that is there."""
    return [float(x) for x in next((fields[k] for k in keys if k in fields), "").split()]


def _text_header(stream: BinaryIO) -> dict[str, str]:
    """A MetaImage's `key = value` lines, up to the one that says that the data follow."""
    fields: dict[str, str] = {}
    size = 0
    while "ElementDataFile" not in fields:
        line = stream.readline(_MAX_TEXT_HEADER)
        size += len(line)
        match = re.fullmatch(r"(\w+) *=([^\n]*)\n", line.decode("latin-1"))
        if match is None or size > _MAX_TEXT_HEADER:
            raise ValueError("its header is not one of `key = value` lines")
        fields[match[1]] = match[2].strip()
    return fields


def _before_data(fields: dict[str, str]) -> int:
    """Bytes to leave out of the file of the data."""
    count = int(fields.get("HeaderSize", "0"))
    if count < 0:  # the data are at its end, wherever that is
        raise ValueError(f"its HeaderSize is {count}; expected 0 or more")
    return count


def _dtype(fields: dict[str, str]) -> np.dtype[Any]:
    kind = ELEMENT_TYPES.get(fields.get("ElementType", ""))
    if kind is None or fields.get("ElementNumberOfChannels", "1") != "1":
        raise ValueError(f"its elements are {fields.get('ElementType')}; expected one number each")
    big = (fields.get("BinaryDataByteOrderMSB") or fields.get("ElementByteOrderMSB", "")) == "True"
    return np.dtype(kind).newbyteorder(">" if big else "<")


def _inflated(stream: BinaryIO) -> Callable[[int], bytes]:
    """A reader of a zlib stream that decompresses no more than it is asked for."""
    inflater = isal_zlib.decompressobj()

    def read(size: int) -> bytes:
        while not inflater.eof:
            data = inflater.unconsumed_tail or stream.read(1 << 16)
            block: bytes = inflater.decompress(data, size)
            if block or not data:
                return block
        return b""

    return read
