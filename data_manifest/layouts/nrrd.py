"""NRRD masks in one file: a text header, an empty line, the numbers.

Nothing that a header names is opened: a NRRD may keep its data in other files, ours may not.
"""

# mypy: disallow-untyped-calls=False
# (isal has no annotations)

import re
from typing import Any, BinaryIO

import numpy as np
from isal import igzip

from data_manifest.layouts.labels import Buffer, Fractions, read_labels
from data_manifest.layouts.masks import Grid, Labels, OpenMask, reading, whole

_LARGEST_HEADER = 10_000
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_KINDS = {name: kind for kind, names in _TYPES.items() for name in names}
_ELSEWHERE = ("data file", "datafile", "byte skip", "byteskip", "line skip", "lineskip")
_BACKWARDS = ("left", "posterior", "inferior")
"""Of the words of a space, those that run against x to the right, y to the front, z up."""
_LETTERS = {word[0]: word for word in ("right", "left", "anterior", "posterior", "superior")}
_LETTERS["i"] = "inferior"


def open_nrrd(stream: BinaryIO) -> OpenMask:
    """Read the header of a NRRD mask; x runs fastest in the file, as in the array.

    Raises:
        PredictionError: with the reason why not; so do the functions of the result.
    """
    with reading("NRRD file"):
        fields = _header(stream)
        if any(fields.get(key, "0") not in ("0", "") for key in _ELSEWHERE):
            raise ValueError("its data are not in the file itself, behind the header")
        encoding = fields.get("encoding", "")
        if encoding not in ("raw", "gzip", "gz"):
            raise ValueError(f"its encoding is {encoding}; expected raw or gzip")
        shape = tuple(int(size) for size in fields["sizes"].split())[::-1]
        kind = _KINDS.get(fields["type"])
        if kind is None or len(shape) != int(fields["dimension"]) or min(shape) < 1:
            raise ValueError(f"numbers of type {fields['type']}, sizes {fields['sizes']}")
        dtype = np.dtype(kind).newbyteorder(">" if fields.get("endian") == "big" else "<")

    def labels(into: Buffer | None, fractions: Fractions) -> Labels:
        with reading("NRRD file"):
            packed = encoding != "raw"
            source = igzip.IGzipFile(fileobj=stream, mode="rb") if packed else stream
            count = int(np.prod(shape))
            return read_labels(whole(source.read), dtype, count, into=into, fractions=fractions)

    def grid() -> Grid:
        with reading("NRRD file"):
            return _grid(fields, len(shape))

    return OpenMask(shape=shape, dtype=dtype, has_slice_axis=True, grid=grid, labels=labels)


def _header(stream: BinaryIO) -> dict[str, str]:
    """The lines `field: value` up to the empty one, fields and types in small letters."""
    if re.fullmatch(rb"NRRD000\d\r?\n", stream.readline(12)) is None:
        raise ValueError("it does not begin with NRRD and the format's version")
    fields: dict[str, str] = {}
    size = 0
    while (line := stream.readline(_LARGEST_HEADER)).strip():
        size += len(line)
        if size > _LARGEST_HEADER:
            raise ValueError("its header does not end")
        text = line.decode("latin-1").strip()
        field, colon, value = text.partition(":")
        if not text.startswith("#") and colon and not value.startswith("="):
            fields[field.strip().casefold()] = value.strip().casefold()
    return fields


def _grid(fields: dict[str, str], axes: int) -> Grid:
    vectors = [
        [float(x) for x in vector.split(",")]
        for vector in re.findall(r"\(([^()]*)\)", fields.get("space directions", ""))
    ]
    if not vectors:
        lengths = [float(x) for x in fields.get("spacings", "").split()]
        return Grid(spacing_mm=tuple(lengths[::-1]) if len(lengths) == axes else None)
    directions = np.array(vectors).T
    spacing_mm = tuple(float(x) for x in np.linalg.norm(directions, axis=0)[::-1])
    signs = _signs(fields.get("space", ""))
    if directions.shape != (3, 3) or signs is None:
        return Grid(spacing_mm=spacing_mm)
    origin = [float(x) for x in fields.get("space origin", "").strip("()").split(",") if x]
    return Grid(
        spacing_mm=spacing_mm,
        directions=directions * signs[:, np.newaxis],
        origin_mm=tuple((np.array(origin) * signs).tolist()) if len(origin) == 3 else None,
    )


def _signs(space: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """By which a space's own axes become x to the right, y to the front, z up."""
    words = space.split("-") if "-" in space else [_LETTERS.get(letter, "") for letter in space]
    if len(words) != 3 or not all(words):
        return None
    return np.array([-1.0 if word in _BACKWARDS else 1.0 for word in words])
