"""Strokes of a hand on one slice: along the middle of a piece, across it, along its border.

After `simulate_scribbles.py` of autoPET V (leaieaie/autoPETV). What is random comes from Python's
own generator, by the calls of that script.
"""

import random
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse

Piece = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.int64]

_EVERY_NEIGHBOUR = np.ones((3, 3), dtype=np.bool_)
_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""The eight neighbours, clockwise from the one above."""
_UNCUT = 10
"""Pixels of a line along the middle that is not cut at its ends."""


def largest_piece(volume: npt.NDArray[np.bool_]) -> tuple[int, Piece] | None:
    """The largest 8-connected piece of any slice, the first of equals.

    Args:
        volume: (D, H, W).

    Returns:
        Its slice, and the piece, (H, W); None where nothing is marked.
    """
    extent = next(iter(ndimage.find_objects(volume.astype(np.int8))), None)
    if extent is None:
        return None
    within_slices = np.zeros((3, 3, 3), dtype=np.bool_)
    within_slices[1] = True
    pieces, count = ndimage.label(volume[extent], structure=within_slices)
    largest = int(np.argmax(np.bincount(pieces.ravel(), minlength=count + 1)[1:])) + 1
    at = int(np.argmax((pieces == largest).any(axis=(1, 2))))
    piece = np.zeros(volume.shape[1:], dtype=np.bool_)
    piece[extent[1:]] = pieces[at] == largest
    return extent[0].start + at, piece


def line_pixels(start: Sequence[int], end: Sequence[int]) -> Pixels:
    """The pixels of a straight line, both ends among them, (N, 2), by Bresenham's rule.

    >>> line_pixels((0, 0), (1, 3)).tolist()
    [[0, 0], [0, 1], [1, 2], [1, 3]]
    """
    at = np.array(start, dtype=np.int64)
    way = np.array(end, dtype=np.int64) - at
    steps = np.abs(way)
    long = int(steps[1] > steps[0])  # the axis along which each step goes
    short, length = 1 - long, int(steps[long])
    signs = np.where(way > 0, 1, -1)
    pixels = np.empty((length + 1, 2), dtype=np.int64)
    error = 2 * int(steps[short]) - length
    for step in range(length + 1):
        pixels[step] = at
        if error >= 0:
            at[short] += signs[short]
            error -= 2 * length
        at[long] += signs[long]
        error += 2 * int(steps[short])
    return pixels


def _thinned(piece: Piece) -> Piece:
    """A skeleton one pixel wide: Zhang and Suen, 1984."""
    thin = np.pad(piece, 1)
    while True:
        before = np.count_nonzero(thin)
        for first, second in (((0, 2, 4), (2, 4, 6)), ((0, 2, 6), (0, 4, 6))):
            near = np.stack([np.roll(thin, (-y, -x), axis=(0, 1)) for y, x in _AROUND])
            count = near.sum(axis=0)
            begins = (~near & np.roll(near, -1, axis=0)).sum(axis=0)
            outer = ~near[list(first)].all(axis=0) & ~near[list(second)].all(axis=0)
            thin = thin & ~((begins == 1) & (count >= 2) & (count <= 6) & outer)
        if np.count_nonzero(thin) == before:
            return thin[1:-1, 1:-1]


def _centre_line(piece: Piece, dice: random.Random) -> Pixels:
    """The way between those two pixels of the skeleton that are farthest apart, less its ends."""
    skeleton, count = ndimage.label(_thinned(piece), structure=_EVERY_NEIGHBOUR)
    if not count:
        return np.argwhere(piece)
    pixels = np.argwhere(skeleton == np.argmax(np.bincount(skeleton.ravel())[1:]) + 1)
    if len(pixels) < 2:
        return np.argwhere(piece)
    apart = ((pixels[:, np.newaxis] - pixels) ** 2).sum(axis=2)
    start, end = np.unravel_index(int(np.argmax(apart)), apart.shape)
    steps = sparse.csr_array((apart > 0) & (apart <= 2))
    before = sparse.csgraph.breadth_first_order(steps, start)[1]
    way = [int(end)]
    while way[-1] != start:
        way.append(int(before[way[-1]]))
    if len(way) > _UNCUT:
        way = way[int(0.1 * len(way)) : int(0.9 * len(way))]
    return pixels[way[::-1]]


def _across(piece: Piece, dice: random.Random) -> Pixels:
    """A straight line between two random pixels, as far as it is in the piece."""
    pixels = np.argwhere(piece)
    if len(pixels) < 2:
        return pixels
    ends = [pixels[dice.randint(0, len(pixels) - 1)] for _ in range(2)]
    line = line_pixels(*ends)
    return line[piece[line[:, 0], line[:, 1]]]


def _along_border(piece: Piece, dice: random.Random) -> Pixels:
    """A fifth of the border, from a random pixel of it on."""
    border = piece & ~ndimage.binary_erosion(piece, border_value=1)
    pixels = np.argwhere(border)
    if len(pixels) < 2:
        return np.argwhere(piece)
    left = {(y, x) for y, x in pixels.tolist()}
    way = [tuple(pixels[dice.randint(0, len(pixels) - 1)].tolist())]
    for _ in range(max(2, int(0.2 * len(pixels)))):
        left.discard(way[-1])
        y, x = way[-1]
        onward = sorted((y + dy, x + dx) for dy, dx in _AROUND if (y + dy, x + dx) in left)
        if not onward:
            break
        way.append(onward[0])
    return np.array(way)


STRATEGIES: Mapping[str, Callable[[Piece, random.Random], Pixels]] = {
    "centre_line": _centre_line,
    "random": _across,
    "boundary": _along_border,
}
"""By the name that protocols have for it: from a piece to pixels of it, (N, 2)."""
