"""How much surface each 2x2x2 neighbourhood holds (2x2 in 2D, where surface is contour length).

A surface element sits at a corner point of the voxel grid. Its code has one bit for each of the
voxels that meet there: the voxel at offset (a, b, c) of the neighbourhood sets bit 4a + 2b + c
(2a + b in 2D). Its area is what marching cubes puts there: the voxel centres are the cube's
corners, and the surface cuts every edge between inside and outside at its middle.

The areas are derived here and not tabled. The rarer kind of corner (inside or outside) falls into
components joined by cube edges, and each component is cut off by a polygon of its own. Most of
these are flat, and geometry alone gives their area. Two are bent, so their area depends on how they
are cut into triangles; there we follow the reference, google-deepmind/surface-distance
(Apache-2.0), whose values the tests compare for all 256 codes.
"""

from functools import cache, lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

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
