"""The compiled library, and how arrays are handed to it."""

import ctypes
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metrics.errors import KernelError

_FOLDER = Path(__file__).parent


EXTENT = np.dtype(
    [
        ("reference", np.int64),
        ("prediction", np.int64),
        ("shared", np.int64),
        ("start", np.int64, 3),
        ("stop", np.int64, 3),
    ]
)
"""A label's voxels in the reference, in the prediction and in both, and its joint bounding box."""


BALL_ROW = np.dtype([("a", np.int32), ("b", np.int32), ("reach", np.int32)])
"""A row of offsets around (a, b), `reach` long to both sides; or the single offset at `reach`."""


SPAN = np.dtype([("row", np.int32), ("start", np.int32), ("stop", np.int32), ("value", np.int32)])
"""Voxels of one value in a row, `stop` not included; rows are numbered through all planes."""


Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SortedSpans:
    """Spans with those of one value together.

    Attributes:
        spans: (n,) of SPAN.
        firsts: int64: where each value's begin, and behind the last one n.
    """

    spans: Array
    firsts: Array


class _LabelMap(ctypes.Structure):
    _fields_ = (
        ("voxels", ctypes.c_void_p),
        ("bytes", ctypes.c_int64),
        ("spans", ctypes.c_void_p),
        ("firsts", ctypes.c_void_p),
    )


@cache
def library() -> ctypes.CDLL:
    """The compiled kernel, once it is known to be that of this very source.

    Raises:
        KernelError: it is not there, was made from other C files, or can't be loaded.
    """
    libraries = sorted(_FOLDER.glob("_kernel.*"))
    if not libraries:
        raise KernelError(f"no compiled kernel in {_FOLDER}")
    try:
        library = ctypes.CDLL(str(libraries[0]))
    except OSError as error:
        raise KernelError(f"the compiled kernel can't be loaded: {error}") from error
    library.segjudge_source.restype = ctypes.c_char_p
    sources = sorted(_FOLDER.glob("*.[ch]"))
    if sources:
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
        if library.segjudge_source().decode("ascii") != digest:
            raise KernelError(f"{libraries[0].name} was not made from the C files in {_FOLDER}")
    library.segjudge_keep_memory.restype = None
    library.segjudge_count.restype = None
    library.segjudge_count_spans.restype = None
    library.segjudge_sort_spans.restype = None
    library.segjudge_measure.restype = ctypes.c_int
    library.segjudge_find_spans.restype = ctypes.c_int64
    library.segjudge_grow_spans.restype = ctypes.c_int64
    library.segjudge_join_spans.restype = ctypes.c_int64
    library.segjudge_thin.restype = ctypes.c_int
    return library


def address_of(array: Array) -> ctypes.c_void_p:
    """Of an array's first element."""
    return ctypes.c_void_p(array.ctypes.data)


def numbers(*values: int) -> list[ctypes.c_int64]:
    """As the kernel takes them."""
    return [ctypes.c_int64(value) for value in values]


def map_arguments(reference: Array, prediction: Array) -> list[Any]:
    """Both maps and their shape, as the kernel takes them.

    Args:
        reference: uint8 or uint16, C-contiguous, 3 axes.
        prediction: the same, of the same shape.
    """
    check_shapes(reference, prediction)
    return [*map_argument(reference), *map_argument(prediction), lengths(reference)]


def check_shapes(reference: Array, prediction: Array) -> None:
    """Raise ValueError unless both maps have one shape."""
    if reference.shape != prediction.shape:
        raise ValueError(f"the kernel does not take {reference.shape} and {prediction.shape}")


def map_argument(label_map: Array) -> list[Any]:
    """A map and the bytes of a voxel: uint8 or uint16, C-contiguous."""
    if label_map.dtype not in (np.uint8, np.uint16) or not label_map.flags.c_contiguous:
        raise ValueError(f"the kernel does not take {label_map.dtype} maps of such a layout")
    return [address_of(label_map), *numbers(label_map.itemsize)]


def lengths(label_map: Array) -> ctypes.Array[ctypes.c_int64]:
    """A map's three axes."""
    if label_map.ndim != 3:
        raise ValueError(f"the kernel does not take {label_map.ndim} axes")
    return (ctypes.c_int64 * 3)(*label_map.shape)


def with_spans(label_map: Array, its: SortedSpans | None) -> Any:
    """A map with its spans, if they are known."""
    pointer, size = map_argument(label_map)
    spans, firsts = (None, None) if its is None else (address_of(its.spans), address_of(its.firsts))
    return ctypes.byref(_LabelMap(pointer, size, spans, firsts))
