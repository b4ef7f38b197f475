"""Labels' two surfaces, measured once: the areas, and the areas within tolerance.

The kernel counts surface elements by their codes; here the counts become areas.

A surface element sits at a corner point of the voxel grid. Its code has one bit for each of the
voxels that meet there: the voxel at offset (a, b, c) of the neighbourhood sets bit 4a + 2b + c
(2a + b in 2D, where surface is contour length). Its area is what marching cubes puts there: the
voxel centres are the cube's corners, and the surface cuts every edge between inside and outside at
its middle.

The areas are derived here and not tabled. The rarer kind of corner (inside or outside) falls into
components joined by cube edges, and each component is cut off by a polygon of its own. Most of
these are flat, and geometry alone gives their area. Two are bent, so their area depends on how they
are cut into triangles; there we follow the reference, google-deepmind/surface-distance
(Apache-2.0), whose values the tests compare for all 256 codes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from metrics import kernel
from metrics.arguments import Mask
from metrics.label_extents import LabelExtents, LabelMaps
from metrics.tolerance import ball_of, nearest_within

_Normal: TypeAlias = tuple[int, ...]
"""A piece's area vector at unit spacing, in eighths (halves in 2D), signs dropped."""


def _components(corners: set[int], axes: int) -> list[set[int]]:
    """Split corners of the cube, numbered by their bits, into those joined by edges."""
    left, components = set(corners), []
    while left:
        component, fresh = set[int](), {left.pop()}
        while fresh:
            component |= fresh
            fresh = {corner ^ (1 << bit) for corner in fresh for bit in range(axes)} & left
            left -= fresh
        components.append(component)
    return components


def _contour_pieces(component: set[int]) -> list[_Normal]:
    """The contour around one or two joined corners of a square, in halves."""
    if len(component) == 1:
        return [(1, 1)]
    along = _edges_along_axes(component, axes=2)
    return [(0 if along[0] else 2, 0 if along[1] else 2)]


def _edges_along_axes(component: set[int], axes: int) -> list[int]:
    """How many cube edges along each axis join two corners of the component."""
    bits = [1 << (axes - 1 - axis) for axis in range(axes)]
    return [sum(not c & bit and c | bit in component for c in component) for bit in bits]


def _surface_pieces(component: set[int]) -> list[_Normal]:
    """The polygon that cuts one to four joined corners off a cube, in eighths."""
    along = _edges_along_axes(component, axes=3)
    across = tuple(int(edges == 0) for edges in along)
    match len(component):
        case 1:  # a triangle
            return [(1, 1, 1)]
        case 2:  # a rectangle, parallel to the edge
            return [(4 * across[0], 4 * across[1], 4 * across[2])]
        case 3:  # a bent pentagon: a trapezium askew and a right triangle in the three's plane
            return [(3, 3, 3), (4 * across[0], 4 * across[1], 4 * across[2])]
        case _ if 0 not in along:
            return _pieces_around_three_edges(component)
        case _:  # a square, half the cube
            return [(8 * across[0], 8 * across[1], 8 * across[2])]


def _pieces_around_three_edges(component: set[int]) -> list[_Normal]:
    """The hexagon around four corners that are joined by one edge along each axis."""
    neighbours = {c: [bit for bit in (4, 2, 1) if c ^ bit in component] for c in component}
    if any(len(bits) == 3 for bits in neighbours.values()):  # a corner and its three neighbours
        return [(6, 6, 6)]  # the regular hexagon
    # A path: its hexagon is bent. The middle edge is the one that the two inner corners share.
    first, second = (c for c, bits in neighbours.items() if len(bits) == 2)
    middle = (4, 2, 1).index(first ^ second)
    flaps = [tuple(0 if axis == end else 2 for axis in range(3)) for end in range(3)]
    return [(4, 4, 4), *(flap for end, flap in enumerate(flaps) if end != middle)]


@cache
def _pieces(axes: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Every piece of every code: the codes, (n,), and the area vectors, (n, axes)."""
    corners = range(2**axes)
    codes, normals = [], []
    for code in range(2 ** len(corners)):
        inside = {corner for corner in corners if code >> corner & 1}
        rarer = inside if 2 * len(inside) <= len(corners) else set(corners) - inside
        for component in _components(rarer, axes):
            pieces = _surface_pieces(component) if axes == 3 else _contour_pieces(component)
            codes += [code] * len(pieces)
            normals += pieces
    return np.array(codes), np.array(normals) / 2.0**axes * (2 if axes == 2 else 1)


@lru_cache(maxsize=64)
def element_areas(spacing_mm: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """The area of an element of each code.

    Args:
        spacing_mm: two or three, in the arrays' axis order.

    Returns:
        (16,) lengths in mm, or (256,) areas in mm²; 0 for the codes all outside and all inside.
        Not to be written into: it is kept.
    """
    axes = len(spacing_mm)
    codes, normals = _pieces(axes)
    # An area vector's part along an axis scales with the other axes' spacings.
    scale = [np.prod(spacing_mm[:axis] + spacing_mm[axis + 1 :]) for axis in range(axes)]
    # hypot and not a sum of squares: the products of tiny or huge spacings have no squares.
    lengths = np.hypot.reduce(normals * np.array(scale), axis=1)
    areas = np.zeros(2**2**axes)
    np.add.at(areas, codes, lengths)
    areas.flags.writeable = False
    return areas


_LABELS_AT_ONCE = 256
"""How many labels' counts are held at a time: 8 KiB each."""

_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceOverlap:
    """Areas in mm² (contour lengths in mm in 2D).

    Attributes:
        reference_area: of the reference's surface.
        reference_area_within: the part of the reference's that is near the prediction's.
        prediction_area: of the prediction's surface.
        prediction_area_within: the part of the prediction's that is near the reference's.
    """

    reference_area: float
    reference_area_within: float
    prediction_area: float
    prediction_area_within: float

    @property
    def dice(self) -> float:
        """The area within tolerance over the whole, pooled over both surfaces; nan for none."""
        area = self.reference_area + self.prediction_area
        within = self.reference_area_within + self.prediction_area_within
        return within / area if area else float("nan")


def _neighbour_codes(mask: Mask) -> npt.NDArray[np.uint8]:
    """The code of every corner point of the grid; what lies outside the array is background.

    One longer than the mask along each axis, the corner before the first voxel first.
    """
    codes = np.pad(mask.astype(np.uint8, order="C"), 1)
    bits = 1  # of the codes so far: of one voxel, of a pair, of a square
    for axis in reversed(range(mask.ndim)):
        every = (slice(None),) * axis
        before, after = codes[(*every, slice(None, -1))], codes[(*every, slice(1, None))]
        codes = before | np.left_shift(after, bits, dtype=np.uint8)
        bits *= 2
    return codes


def surface_codes(masks: Sequence[Mask]) -> tuple[list[npt.NDArray[np.uint8]], list[Mask]]:
    """Every corner point's code, and whether it is a surface element, for masks of one shape."""
    codes = [_neighbour_codes(mask) for mask in masks]
    full = 2**2 ** masks[0].ndim - 1
    return codes, [(code != 0) & (code != full) for code in codes]


def _counts_by_nearest(
    masks: Sequence[Mask], spacing_mm: tuple[float, ...], tolerance_mm: float
) -> _Counts:
    """What the kernel counts, by a distance transform: for a ball that is too large to look at."""
    codes, surfaces = surface_codes(masks)
    counts = np.zeros((4, 2**2 ** masks[0].ndim), dtype=np.int64)
    for i, (code, own, other) in enumerate(zip(codes, surfaces, reversed(surfaces), strict=True)):
        elements = code[own]
        near = nearest_within(own, other, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm)
        counts[2 * i] = np.bincount(elements[near], minlength=counts.shape[1])
        counts[2 * i + 1] = np.bincount(elements[~near], minlength=counts.shape[1])
    return counts


def _code_order(order: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """For each code in the maps' own axis order, the code of the same corner in the kernel's."""
    axes = len(order)
    bits = np.zeros(2**axes, dtype=np.intp)
    for own in range(2**axes):
        steps = [own >> (axes - 1 - axis) & 1 for axis in range(axes)]
        bits[own] = sum(steps[axis] << (axes - 1 - i) for i, axis in enumerate(order))
    codes = np.arange(2**2**axes)
    moved = np.zeros_like(codes)
    for own, kernels in enumerate(bits):
        moved |= (codes >> own & 1) << kernels
    return moved


def surface_overlaps(
    maps: LabelMaps,
    extents: LabelExtents,
    tolerances_mm: Mapping[int, float],
    *,
    spacing_mm: tuple[float, ...],
) -> dict[int, SurfaceOverlap]:
    """Measure the surfaces of labels in both maps against each other.

    Args:
        maps: the reference and the prediction.
        extents: theirs.
        tolerances_mm: for each label to measure: an element counts as near up to this distance,
            inclusive. Either map may lack a label, not both.
        spacing_mm: in the maps' axis order.
    """
    overlaps = {}
    for tolerance in sorted(set(tolerances_mm.values())):
        labels = [label for label, its in tolerances_mm.items() if its == tolerance]
        for start in range(0, len(labels), _LABELS_AT_ONCE):
            some = labels[start : start + _LABELS_AT_ONCE]
            counts = _counted(maps, extents, some, spacing_mm, tolerance)
            counts[:, 1::2] += counts[:, 0::2]  # all elements, for those that are far
            # Each sum is over the codes in one order, so that the share of all of a surface in
            # itself is exactly 1.
            areas = (counts * element_areas(spacing_mm)).sum(axis=-1)
            for label, (reference_within, reference, prediction_within, prediction) in zip(
                some, areas.tolist(), strict=True
            ):
                overlaps[label] = SurfaceOverlap(
                    reference_area=reference,
                    reference_area_within=reference_within,
                    prediction_area=prediction,
                    prediction_area_within=prediction_within,
                )
    return overlaps


def _counted(
    maps: LabelMaps,
    extents: LabelExtents,
    labels: list[int],
    spacing_mm: tuple[float, ...],
    tolerance_mm: float,
) -> _Counts:
    """Elements of both surfaces, near and far, (labels, 4, codes), by code in the maps' order."""
    ball = ball_of(spacing_mm, tolerance_mm, maps.shape, maps.order)
    if ball is None:
        masks = (maps.masks(label, extents.box(label)) for label in labels)
        return np.stack([_counts_by_nearest(pair, spacing_mm, tolerance_mm) for pair in masks])
    known = maps.reference.surfaces
    is_known = np.array([label in known for label in labels], dtype=np.bool_)
    counts, disputed = kernel.measure_labels(
        *(m.for_kernel for m in maps.both),
        axes=len(maps.shape),
        labels=np.array(labels, dtype=np.int64),
        extents=extents.table[labels],
        ball=(ball.certain, ball.within, ball.beyond),
        spans=(maps.reference.sorted_spans, maps.prediction.sorted_spans),
        is_known=is_known,
    )
    for label, was_known, (near, far, *_) in zip(labels, is_known, counts, strict=True):
        if was_known:
            near[:] = known[label] - far
        else:
            known[label] = near + far
    if maps.order != tuple(range(len(maps.order))):
        counts = np.take(counts, _code_order(maps.order), axis=-1)  # contiguous, as it was
    for i in np.flatnonzero(disputed.any(axis=1)):
        # The reference's answer depends on which neighbour it found; only its own way tells.
        pair = maps.masks(labels[i], extents.box(labels[i]))
        counts[i] = _counts_by_nearest(pair, spacing_mm, tolerance_mm)
    return counts
