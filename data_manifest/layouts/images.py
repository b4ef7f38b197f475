"""Masks in the formats of medical and other images: NIfTI, MetaImage and PNG.

Headers are read first, and say how much data there is to read. Nothing that a header names is
opened: a MetaImage may keep its data in another file, ours may not.
"""

import contextlib
import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from isal import igzip, isal_zlib

from data_manifest.layouts.grids import check_axes, check_shape, check_spacing
from data_manifest.layouts.labels import Buffer, LabelError, ShortDataError, read_labels
from data_manifest.layouts.npz_member import DecompressionError
from data_manifest.layouts.regular_files import PredictionError

__all__ = ["read_metaimage", "read_nifti", "read_png"]

_Labels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
_Spacing = tuple[float, ...] | None

_NIFTI_HEADER = 348
_MAX_TEXT_HEADER = 10_000
_ELEMENT_TYPES = {
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


@contextlib.contextmanager
def _reading(what: str) -> Iterator[None]:
    """What goes wrong while a stranger's file is read becomes a reason."""
    try:
        yield
    except LabelError as error:
        raise PredictionError(f"the mask {error}") from error
    except ShortDataError as error:
        raise PredictionError(f"the mask {error}: the file was not written to its end") from error
    except (
        *(DecompressionError, zlib.error, struct.error, EOFError, OSError, SyntaxError),
        *(LookupError, OverflowError, ValueError),
    ) as error:
        raise PredictionError(f"not a {what} that can be read: {error}") from error


def _skip(read: Callable[[int], bytes], count: int) -> None:
    while count > 0:
        block = read(min(count, 1 << 16))
        if not block:
            raise ShortDataError("ends before its data begin")
        count -= len(block)


def read_nifti(
    stream: BinaryIO,
    *,
    shape: tuple[int, ...],
    spacing_mm: _Spacing,
    compressed: bool,
    into: Buffer | None = None,
) -> _Labels:
    """Read a NIfTI-1 mask in one file, `.nii` or `.nii.gz`.

    Args:
        stream: the file.
        shape: the case's, in array order.
        spacing_mm: the case's, in array order; None where it has none.
        compressed: with gzip.
        into: memory to use; what was read into it before is lost.

    Returns:
        The labels in the case's axis order, uint8 or uint16.

    Raises:
        PredictionError: with the reason why not.
    """
    from nibabel.nifti1 import Nifti1Header  # slow to import
    from nibabel.spatialimages import HeaderDataError

    with _reading("NIfTI file"):
        source = igzip.IGzipFile(fileobj=stream, mode="rb") if compressed else stream
        read = _whole(source.read)
        block = read(_NIFTI_HEADER)
        if len(block) < _NIFTI_HEADER or block[344:348] != b"n+1\0":
            raise ValueError("it does not begin with the header of a NIfTI-1 image in one file")
        header = Nifti1Header(block, check=False)
        dtype = header.get_data_dtype()
        if dtype.kind not in "iuf":
            raise ValueError(f"its dtype is {dtype}; expected integers")
        slope, intercept = header.get_slope_inter()
        if slope not in (None, 1) or intercept not in (None, 0):
            raise ValueError("its values are scaled; expected labels as they are")
        found = tuple(int(length) for length in header.get_data_shape())
        while len(found) > len(shape) and found[-1] == 1:
            found = found[:-1]
        check_shape(found[::-1], shape)
        check_spacing([float(length) for length in header.get_zooms()], spacing_mm)
        if len(shape) == 3:
            try:
                check_axes(header.get_best_affine()[:3, :3])
            except HeaderDataError as error:
                raise ValueError(f"its orientation is no rotation: {error}") from error
        _skip(read, int(header["vox_offset"]) - _NIFTI_HEADER)
        labels = read_labels(read, dtype, int(np.prod(shape)), into=into)
    return labels.reshape(shape)  # x runs fastest in the file, as in the array


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


def _metaimage_dtype(fields: dict[str, str]) -> np.dtype[Any]:
    kind = _ELEMENT_TYPES.get(fields.get("ElementType", ""))
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


def read_metaimage(
    stream: BinaryIO, *, shape: tuple[int, ...], spacing_mm: _Spacing, into: Buffer | None = None
) -> _Labels:
    """Read a MetaImage mask in one file (`.mha`); arguments, result and reasons as `read_nifti`."""
    with _reading("MetaImage"):
        fields = _text_header(stream)
        if fields["ElementDataFile"] != "LOCAL" or fields.get("BinaryData", "True") != "True":
            raise ValueError("its data are not in the file itself, in binary")
        sizes = fields.get("DimSize", "").split()
        check_shape(tuple(int(size) for size in sizes)[::-1], shape)
        spacing = fields.get("ElementSpacing", " ".join("1" for _ in sizes)).split()
        check_spacing([float(length) for length in spacing], spacing_mm)
        if len(shape) == 3:
            matrix = [float(x) for x in fields.get("TransformMatrix", "1 0 0 0 1 0 0 0 1").split()]
            check_axes(np.array(matrix).reshape(3, 3).T)
        is_compressed = fields.get("CompressedData") == "True"
        read = _inflated(stream) if is_compressed else stream.read
        count = int(np.prod(shape))
        return read_labels(_whole(read), _metaimage_dtype(fields), count, into=into).reshape(shape)


def _whole(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """A reader that gives fewer bytes than asked for only at the end."""

    def read_whole(size: int) -> bytes:
        parts = []
        while size > 0 and (part := read(size)):
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    return read_whole


def read_png(stream: BinaryIO, *, shape: tuple[int, ...]) -> _Labels:
    """Read a PNG mask of grey values or palette indices; reasons as `read_nifti`.

    Args:
        stream: the file.
        shape: the case's, (H, W).
    """
    from PIL import Image, UnidentifiedImageError

    with _reading("PNG"), warnings.catch_warnings():
        # A size that was not asked for is refused below, before a pixel is decompressed.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(stream, formats=["PNG"])
        except Image.DecompressionBombError as error:
            raise PredictionError(str(error)) from error
        except UnidentifiedImageError as error:
            raise PredictionError("not a PNG that can be read") from error
        check_shape(image.size[::-1], shape)
        if image.mode not in ("1", "L", "P", "I;16", "I"):
            raise ValueError(f"its pixels are {image.mode}; expected one number each, the label")
        pixels = np.ascontiguousarray(np.asarray(image))
        data = io.BytesIO(pixels.tobytes())
        return read_labels(data.read, pixels.dtype, pixels.size).reshape(shape)
