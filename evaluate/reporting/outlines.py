"""A label map to the outlines between its pixels, as an SVG path that is exact at every size."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

_MOST_EDGES = 30_000
"""Above this a map is thinned out first: a participant's noise must not swell the page."""

_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""Right, down, left, up, as (row, column) of a grid corner."""

_Corner = tuple[int, int, int]  # label, row, column
_Labels = npt.NDArray[np.integer]


def outline_path(labels: _Labels, *, row: int = 0, column: int = 0, longest: int = 640) -> str:
    """Outlines of every label along the pixels' edges.

    An edge between two labels is drawn once, as the higher label's: drawn twice, its dashes
    would close to a solid line. The lower label's outline is open there.

    Args:
        labels: (H, W), 0 is background.
        row: coordinate of the first row's upper edge.
        column: coordinate of the first column's left edge.
        longest: a larger map is thinned out to so many pixels a side, and one with too many
            edges further.

    Returns:
        The `d` of an SVG path, in units of the original pixels; empty if there is no label.

    >>> import numpy as np
    >>> outline_path(np.array([[0, 0, 0], [0, 7, 7], [0, 0, 0]]))
    'M1 1H3V2H1V1Z'
    """
    stride = max(1, -(-max(labels.shape) // longest))
    sides = _sides(labels[::stride, ::stride])
    while sum(int(where.sum()) for where in sides) > _MOST_EDGES:
        stride *= 2
        sides = _sides(labels[::stride, ::stride])
    lines = _lines(_edges(labels[::stride, ::stride], sides))
    return "".join(_as_path(line, stride, row, column) for line in lines)


def _sides(labels: _Labels) -> list[npt.NDArray[np.bool_]]:
    """Pixels whose upper, right, lower, left edge is drawn: their label is the higher one."""
    padded = np.pad(labels, 1)
    inner = padded[1:-1, 1:-1]
    neighbours = (padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2])
    return [inner > neighbour for neighbour in neighbours]


def _edges(labels: _Labels, sides: list[npt.NDArray[np.bool_]]) -> dict[_Corner, list[int]]:
    """Directions that leave each corner of each label; the label is on the right of each edge."""
    leaving: dict[_Corner, list[int]] = {}
    first_corners = ((0, 0), (0, 1), (1, 1), (1, 0))
    for direction, (where, (down, right)) in enumerate(zip(sides, first_corners, strict=True)):
        rows, columns = np.nonzero(where)
        values = labels[rows, columns].tolist()
        corners = zip(values, (rows + down).tolist(), (columns + right).tolist(), strict=True)
        for corner in corners:
            leaving.setdefault(corner, []).append(direction)
    return leaving


def _after(corner: _Corner, direction: int) -> _Corner:
    label, row, column = corner
    return label, row + _STEPS[direction][0], column + _STEPS[direction][1]


def _lines(leaving: dict[_Corner, list[int]]) -> Iterator[list[_Corner]]:
    """Points of each line where it starts, bends and ends: open ones first, then the closed."""
    arriving: dict[_Corner, int] = {}
    for corner, directions in leaving.items():
        for direction in directions:
            end = _after(corner, direction)
            arriving[end] = arriving.get(end, 0) + 1
    for corner in sorted(leaving):
        for _ in range(len(leaving[corner]) - arriving.get(corner, 0)):
            yield _walk(leaving, corner)
    for corner in sorted(leaving):
        while leaving[corner]:
            yield _walk(leaving, corner)


def _walk(leaving: dict[_Corner, list[int]], start: _Corner) -> list[_Corner]:
    """Follow edges from a corner, using them up, until it is closed or ends."""
    direction = leaving[start].pop()
    at, line = _after(start, direction), [start]
    while at != start and leaving.get(at):
        # Where two pixels touch by a corner, turning right keeps them apart.
        turn = min(leaving[at], key=lambda way: (direction + 1 - way) % 4)
        leaving[at].remove(turn)
        if turn != direction:
            line.append(at)
        at, direction = _after(at, turn), turn
    return [*line, at]


def _as_path(line: list[_Corner], stride: int, row: int, column: int) -> str:
    corners = [(r * stride + row, c * stride + column) for _, r, c in line]
    path = f"M{corners[0][1]} {corners[0][0]}"
    for before, after in pairwise(corners):
        path += f"H{after[1]}" if before[0] == after[0] else f"V{after[0]}"
    return path + "Z" * (line[0] == line[-1])
