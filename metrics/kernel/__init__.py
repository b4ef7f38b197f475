"""The compiled inner loops: integer label maps in, integer counts out.

The C files beside it are compiled when segjudge is installed (`hatch_build.py`), and loaded here.
This package alone knows how the two talk; everything is checked before it comes here.
"""

import ctypes

import numpy as np

from metrics.kernel.library import (
    BALL_ROW,
    EXTENT,
    SPAN,
    Array,
    SortedSpans,
    address_of,
    check_shapes,
    lengths,
    library,
    map_argument,
    map_arguments,
    numbers,
    with_spans,
)

__all__ = [
    "BALL_ROW",
    "EXTENT",
    "SPAN",
    "SortedSpans",
    "count_labels",
    "count_spans",
    "find_few_spans",
    "find_spans",
    "grow_spans",
    "join_spans",
    "keep_memory",
    "measure_labels",
    "sort_spans",
    "thin",
]


_USUAL_SPANS = 1 << 19
"""Few maps have more: of these the spans are counted first."""


def keep_memory() -> None:
    """Let this process keep the memory that it frees, for the next case.

    The C library gives large blocks back at once, and every fresh page is cleared by the system
    before it is used: a tenth of the time of a case. Nothing where the C library is not glibc.
    """
    library().segjudge_keep_memory()


def count_labels(reference: Array, prediction: Array, *, labels: int) -> Array:
    """Count and locate every label in one pass over both maps.

    Args:
        reference: uint8 or uint16, C-contiguous, 3 axes (one of length 1 first in 2D).
        prediction: the same, of the same shape.
        labels: more than the largest label of either map.

    Returns:
        (labels,) of EXTENT; the entry of label 0, and of a label that neither map has, is zero.
    """
    extents = np.zeros(labels, dtype=EXTENT)
    library().segjudge_count(*map_arguments(reference, prediction), address_of(extents))
    return extents


def count_spans(
    reference: Array, prediction: Array, *, shape: tuple[int, ...], labels: int
) -> Array:
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
    library().segjudge_count_spans(
        *(
            a
            for spans in (reference, prediction)
            for a in (address_of(spans), *numbers(len(spans)))
        ),
        (ctypes.c_int64 * 3)(*shape),
        address_of(extents),
    )
    return extents


def sort_spans(spans: Array, *, values: int) -> SortedSpans:
    """Put the spans of one value together, else in the same order.

    Args:
        spans: (n,) of SPAN, C-contiguous.
        values: more than the largest value.
    """
    whole, firsts = np.empty_like(spans), np.zeros(values + 1, dtype=np.int64)
    library().segjudge_sort_spans(
        address_of(spans), *numbers(len(spans), values), address_of(firsts), address_of(whole)
    )
    return SortedSpans(spans=whole, firsts=firsts)


def measure_labels(
    reference: Array,
    prediction: Array,
    *,
    axes: int,
    labels: Array,
    extents: Array,
    ball: tuple[Array, Array, Array],
    spans: tuple[SortedSpans | None, SortedSpans | None] = (None, None),
    is_known: Array | None = None,
) -> tuple[Array, Array]:
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
    check_shapes(reference, prediction)
    failed = library().segjudge_measure(
        with_spans(reference, spans[0]),
        with_spans(prediction, spans[1]),
        lengths(reference),
        *numbers(axes, len(labels)),
        address_of(labels),
        address_of(extents),
        address_of(known),
        *(argument for part in parts for argument in (address_of(part), *numbers(len(part)))),
        address_of(counts),
        address_of(disputed),
    )
    if failed:
        raise MemoryError("the bits of a label's box")
    return counts, disputed


def find_spans(label_map: Array) -> Array:
    """The spans of every value but 0, in order.

    Args:
        label_map: uint8 or uint16, C-contiguous, 3 axes (one of length 1 first in 2D).

    Returns:
        (n,) of SPAN.
    """
    spans, count = _first_spans(label_map, _USUAL_SPANS)
    return spans if len(spans) == count else _first_spans(label_map, count)[0]


def find_few_spans(label_map: Array) -> Array | None:
    """As `find_spans`, but None where they would take more memory than the map."""
    most = max(label_map.nbytes // SPAN.itemsize, 1024)
    spans, count = _first_spans(label_map, min(most, _USUAL_SPANS))
    if len(spans) < count <= most:
        spans, _ = _first_spans(label_map, count)
    return None if count > most else spans


def _first_spans(label_map: Array, most: int) -> tuple[Array, int]:
    """So many spans, and how many there are."""
    spans = np.empty(most, dtype=SPAN)  # takes pages only as it is filled
    arguments = [*map_argument(label_map), lengths(label_map), address_of(spans)]
    count = int(library().segjudge_find_spans(*arguments, *numbers(most)))
    return spans[:count], count


def join_spans(spans: Array, *, shape: tuple[int, int], connectivity: int) -> tuple[Array, int]:
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
    count = library().segjudge_join_spans(
        address_of(joined), *numbers(len(joined), *shape, connectivity)
    )
    if count < 0:
        raise MemoryError("the components of a label map")
    return joined, int(count)


def grow_spans(spans: Array, *, shape: tuple[int, int, int], connectivity: int) -> Array:
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
    count = library().segjudge_grow_spans(
        address_of(whole),
        *numbers(len(whole)),
        (ctypes.c_int64 * 3)(*shape),
        *numbers(connectivity),
        address_of(grown),
    )
    if count < 0:
        raise MemoryError("the rows of a mask")
    return grown[:count].copy()


def thin(mask: Array, *, directions: int) -> None:
    """Thin a mask to its skeleton, in place.

    Args:
        mask: uint8 of 0 and 1, C-contiguous, 3 axes, 0 in its outermost voxels.
        directions: 4 for a mask of one plane and its border, 6 for any other.

    Raises:
        MemoryError: the mask's voxels don't fit as numbers.
    """
    pointer, _ = map_argument(mask)
    if library().segjudge_thin(pointer, lengths(mask), *numbers(directions)):
        raise MemoryError("the voxels of a mask")
