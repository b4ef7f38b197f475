"""The compiled inner loops: integer label maps in, integer counts out.

The C files beside it are compiled when segjudge is installed (`hatch_build.py`), and loaded here.
This module alone knows how the two talk; everything is checked before it comes here.
"""

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

_Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SortedSpans:
    """Spans with those of one value together.

    Attributes:
        spans: (n,) of SPAN.
        firsts: int64: where each value's begin, and behind the last one n.
    """

    spans: _Array
    firsts: _Array


class _LabelMap(ctypes.Structure):
    _fields_ = (
        ("voxels", ctypes.c_void_p),
        ("bytes", ctypes.c_int64),
        ("spans", ctypes.c_void_p),
        ("firsts", ctypes.c_void_p),
    )


@cache
def _library() -> ctypes.CDLL:
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
    for name in ("count", "count_spans", "sort_spans"):
        getattr(library, f"segjudge_{name}").restype = None
    for name in ("find_spans", "grow_spans", "join_spans"):
        getattr(library, f"segjudge_{name}").restype = ctypes.c_int64
    return library  # the others give an int, as ctypes takes it


def _pointer(array: _Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _numbers(*values: int) -> list[ctypes.c_int64]:
    return [ctypes.c_int64(value) for value in values]


def _map_arguments(reference: _Array, prediction: _Array) -> list[Any]:
    """Both maps, C-contiguous with 3 axes, and their shape, as the kernel takes them."""
    _check_shapes(reference, prediction)
    return [*_map_argument(reference), *_map_argument(prediction), _lengths(reference)]


def _check_shapes(reference: _Array, prediction: _Array) -> None:
    if reference.shape != prediction.shape:
        raise ValueError(f"the kernel does not take {reference.shape} and {prediction.shape}")


def _map_argument(label_map: _Array) -> list[Any]:
    if label_map.dtype not in (np.uint8, np.uint16) or not label_map.flags.c_contiguous:
        raise ValueError(f"the kernel does not take {label_map.dtype} maps of such a layout")
    return [_pointer(label_map), *_numbers(label_map.itemsize)]


def _lengths(label_map: _Array) -> ctypes.Array[ctypes.c_int64]:
    if label_map.ndim != 3:
        raise ValueError(f"the kernel does not take {label_map.ndim} axes")
    return (ctypes.c_int64 * 3)(*label_map.shape)


def count_labels(reference: _Array, prediction: _Array, *, labels: int) -> _Array:
    """Count and locate every label in one pass over both maps.

    Args:
        reference: uint8 or uint16, C-contiguous, 3 axes (one of length 1 first in 2D).
        prediction: the same, of the same shape.
        labels: more than the largest label of either map.

    Returns:
        (labels,) of EXTENT; the entry of label 0, and of a label that neither map has, is zero.
    """
    extents = np.zeros(labels, dtype=EXTENT)
    _library().segjudge_count(*_map_arguments(reference, prediction), _pointer(extents))
    return extents


def count_spans(
    reference: _Array, prediction: _Array, *, shape: tuple[int, ...], labels: int
) -> _Array:
    """What `count_labels` does, from the spans of both maps.

    Args:
        reference: (n,) of SPAN, in order.
        prediction: the same.
        shape: planes, rows in each, voxels in each.
        labels: more than the largest label of either map.

    Returns:
        As `count_labels`.
    """
    extents = np.zeros(labels, dtype=EXTENT)
    _library().segjudge_count_spans(
        *(a for spans in (reference, prediction) for a in (_pointer(spans), *_numbers(len(spans)))),
        (ctypes.c_int64 * 3)(*shape),
        _pointer(extents),
    )
    return extents


def sort_spans(spans: _Array, *, values: int) -> SortedSpans:
    """Put the spans of one value together, else in the same order.

    Args:
        spans: (n,) of SPAN, C-contiguous.
        values: more than the largest value.
    """
    whole, firsts = np.empty_like(spans), np.zeros(values + 1, dtype=np.int64)
    _library().segjudge_sort_spans(
        _pointer(spans), *_numbers(len(spans), values), _pointer(firsts), _pointer(whole)
    )
    return SortedSpans(spans=whole, firsts=firsts)


def _with_spans(label_map: _Array, its: SortedSpans | None) -> Any:
    pointer, size = _map_argument(label_map)
    spans, firsts = (None, None) if its is None else (_pointer(its.spans), _pointer(its.firsts))
    return ctypes.byref(_LabelMap(pointer, size, spans, firsts))


def measure_labels(
    reference: _Array,
    prediction: _Array,
    *,
    axes: int,
    labels: _Array,
    extents: _Array,
    ball: tuple[_Array, _Array, _Array],
    spans: tuple[SortedSpans | None, SortedSpans | None] = (None, None),
    is_known: _Array | None = None,
) -> tuple[_Array, _Array]:
    """Count the elements of labels' surfaces, and those near the other map's surface.

    Args:
        reference: as for `count_labels`.
        prediction: as for `count_labels`.
        axes: 2 for contours, 3 for surfaces.
        labels: (n,) int64; each is in one of the maps.
        extents: (n,) of EXTENT, of these labels.
        spans: of either map, which spare looking at its voxels.
        is_known: (n,) bool: of which labels the near elements of the reference's surface, which are
            all but the far ones, are left at 0.
        ball: of BALL_ROW: rows surely within the tolerance, nearest first; single offsets just
            within it; single offsets just beyond it. None reaches further than 63.

    Returns:
        Counts by code, (n, 4, 256) or in 2D (n, 4, 16): elements of the reference's surface that
        are near, those that are far, and the same of the prediction's; and (n, 2) how many elements
        of either surface are among the far ones because the last two parts of the ball disagree.

    Raises:
        MemoryError: two sets of bits of the largest box don't fit.
    """
    labels = np.ascontiguousarray(labels, dtype=np.int64)
    extents = np.ascontiguousarray(extents, dtype=EXTENT)
    counts = np.zeros((len(labels), 4, 256 if axes == 3 else 16), dtype=np.int64)
    disputed = np.zeros((len(labels), 2), dtype=np.int64)
    parts = [np.ascontiguousarray(part, dtype=BALL_ROW) for part in ball]
    known = np.zeros(len(labels), dtype=np.bool_) if is_known is None else is_known
    _check_shapes(reference, prediction)
    failed = _library().segjudge_measure(
        _with_spans(reference, spans[0]),
        _with_spans(prediction, spans[1]),
        _lengths(reference),
        *_numbers(axes, len(labels)),
        _pointer(labels),
        _pointer(extents),
        _pointer(known),
        *(argument for part in parts for argument in (_pointer(part), *_numbers(len(part)))),
        _pointer(counts),
        _pointer(disputed),
    )
    if failed:
        raise MemoryError("the bits of a label's box")
    return counts, disputed


def find_spans(label_map: _Array) -> _Array:
    """The spans of every value but 0, in order.

    Args:
        label_map: uint8 or uint16, C-contiguous, 3 axes (one of length 1 first in 2D).

    Returns:
        (n,) of SPAN.
    """
    few = find_few_spans(label_map)
    if few is not None:
        return few
    every = np.empty(_find_into(label_map, np.empty(0, dtype=SPAN)), dtype=SPAN)
    _find_into(label_map, every)
    return every


def find_few_spans(label_map: _Array) -> _Array | None:
    """As `find_spans`, but None where they would take more memory than the map."""
    most = max(label_map.nbytes // SPAN.itemsize, 1024)
    spans = np.empty(most, dtype=SPAN)  # takes pages only as it is filled
    count = _find_into(label_map, spans)
    return None if count > most else spans[:count]


def _find_into(label_map: _Array, spans: _Array) -> int:
    """How many spans there are; those that there is room for are written."""
    arguments = [*_map_argument(label_map), _lengths(label_map), _pointer(spans)]
    return int(_library().segjudge_find_spans(*arguments, *_numbers(len(spans))))


def join_spans(spans: _Array, *, shape: tuple[int, int], connectivity: int) -> tuple[_Array, int]:
    """Number the components of spans of one value that touch, in the order of their first spans.

    Args:
        spans: of SPAN, in order, none of them ending where the next of its value begins.
        shape: how many planes there are, and rows in each.
        connectivity: 6, 18 or 26.

    Returns:
        The spans with their components' numbers, from 1, as values; and how many components.

    Raises:
        MemoryError: a number for each row and run does not fit.
    """
    joined = np.array(spans, dtype=SPAN, order="C")
    count = _library().segjudge_join_spans(
        _pointer(joined), *_numbers(len(joined), *shape, connectivity)
    )
    if count < 0:
        raise MemoryError("the components of a label map")
    return joined, int(count)


def grow_spans(spans: _Array, *, shape: tuple[int, int, int], connectivity: int) -> _Array:
    """Grow spans of one value by their neighbours, once.

    Args:
        spans: of SPAN, in order.
        shape: planes, rows in each, voxels in each.
        connectivity: whose neighbours: 6, 18 or 26.

    Returns:
        (n,) of SPAN, of value 1.

    Raises:
        MemoryError: a number for each row does not fit.
    """
    whole = np.ascontiguousarray(spans, dtype=SPAN)
    grown = np.empty(9 * len(whole), dtype=SPAN)
    count = _library().segjudge_grow_spans(
        _pointer(whole),
        *_numbers(len(whole)),
        (ctypes.c_int64 * 3)(*shape),
        *_numbers(connectivity),
        _pointer(grown),
    )
    if count < 0:
        raise MemoryError("the rows of a mask")
    return grown[:count].copy()


def thin(mask: _Array, *, directions: int) -> None:
    """Thin a mask to its skeleton, in place.

    Args:
        mask: uint8 of 0 and 1, C-contiguous, 3 axes, 0 in its outermost voxels.
        directions: 4 for a mask of one plane and its border, 6 for any other.

    Raises:
        MemoryError: the mask's voxels don't fit as numbers.
    """
    pointer, _ = _map_argument(mask)
    if _library().segjudge_thin(pointer, _lengths(mask), *_numbers(directions)):
        raise MemoryError("the voxels of a mask")
