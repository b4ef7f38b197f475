"""The compiled inner loops: integer label maps in, integer counts out.

`kernel.c` is compiled when segjudge is installed (`hatch_build.py`) and loaded here. This module
alone knows how the two talk; everything is checked before it comes here.
"""

import ctypes
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metrics.errors import KernelError

__all__ = ["BALL_ROW", "EXTENT", "count_labels", "measure_labels"]

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

_Array = npt.NDArray[Any]


@cache
def _library() -> ctypes.CDLL:
    """The compiled kernel, once it is known to be that of this very source.

    Raises:
        KernelError: it is not there, was made from another `kernel.c`, or can't be loaded.
    """
    found = sorted(_FOLDER.glob("_kernel.*"))
    if not found:
        raise KernelError(f"no compiled kernel in {_FOLDER}")
    try:
        library = ctypes.CDLL(str(found[0]))
    except OSError as error:
        raise KernelError(f"the compiled kernel can't be loaded: {error}") from error
    library.segjudge_source.restype = ctypes.c_char_p
    source = _FOLDER / "kernel.c"
    if source.exists():
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        if library.segjudge_source().decode("ascii") != digest:
            raise KernelError(f"{found[0].name} was not made from this {source}")
    library.segjudge_count.restype = None
    library.segjudge_measure.restype = ctypes.c_int
    return library


def _pointer(array: _Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _numbers(*values: int) -> list[ctypes.c_int64]:
    return [ctypes.c_int64(value) for value in values]


def _map_arguments(reference: _Array, prediction: _Array) -> list[Any]:
    """Both maps and their shape, as the kernel takes them.

    Args:
        reference: uint8 or uint16, C-contiguous, 3 axes.
        prediction: the same, of the same shape.
    """
    for label_map in (reference, prediction):
        if label_map.dtype not in (np.uint8, np.uint16) or not label_map.flags.c_contiguous:
            raise ValueError(f"the kernel does not take {label_map.dtype} maps of such a layout")
    if reference.ndim != 3 or reference.shape != prediction.shape:
        raise ValueError(f"the kernel does not take {reference.shape} and {prediction.shape}")
    return [
        _pointer(reference),
        *_numbers(reference.itemsize),
        _pointer(prediction),
        *_numbers(prediction.itemsize),
        (ctypes.c_int64 * 3)(*reference.shape),
    ]


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


def measure_labels(
    reference: _Array,
    prediction: _Array,
    *,
    axes: int,
    labels: _Array,
    extents: _Array,
    ball: tuple[_Array, _Array, _Array],
) -> tuple[_Array, _Array]:
    """Count the elements of labels' surfaces, and those near the other map's surface.

    Args:
        reference: as for `count_labels`.
        prediction: as for `count_labels`.
        axes: 2 for contours, 3 for surfaces.
        labels: (n,) int64; each is in one of the maps.
        extents: (n,) of EXTENT, of these labels.
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
    failed = _library().segjudge_measure(
        *_map_arguments(reference, prediction),
        *_numbers(axes, len(labels)),
        _pointer(labels),
        _pointer(extents),
        *(argument for part in parts for argument in (_pointer(part), *_numbers(len(part)))),
        _pointer(counts),
        _pointer(disputed),
    )
    if failed:
        raise MemoryError("the bits of a label's box")
    return counts, disputed
