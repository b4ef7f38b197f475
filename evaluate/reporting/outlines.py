"""A label map to the outlines between its pixels, as an SVG path that is exact at every size."""

import numpy as np
import numpy.typing as npt

__all__ = ["outline_path"]

_MOST_EDGES = 30_000
"""Above this a map is thinned out first: a participant's noise must not swell the page."""

_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""Right, down, left, up, as (row, column) of a grid corner."""

_Corner = tuple[int, int, int]  # label, row, column


def outline_path(
    labels: npt.NDArray[np.integer], *, row: int = 0, column: int = 0, longest: int = 640
) -> str:
    """Outlines of every label, closed, along the pixels' edges.

    Each edge is walked with its label on the right-hand side, so holes and touching labels come
    out as loops of their own.

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
    loops = _loops(_edges(labels[::stride, ::stride], sides))
    return "".join(_as_path(loop, stride, row, column) for loop in loops)


def _sides(labels: npt.NDArray[np.integer]) -> list[npt.NDArray[np.bool_]]:
    """Pixels whose upper, right, lower, left edge belongs to their label's outline."""
    padded = np.pad(labels, 1)
    inner = padded[1:-1, 1:-1]
    neighbours = (padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2])
    return [(inner != 0) & (inner != neighbour) for neighbour in neighbours]


def _edges(
    labels: npt.NDArray[np.integer], sides: list[npt.NDArray[np.bool_]]
) -> dict[_Corner, list[int]]:
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


def _loops(leaving: dict[_Corner, list[int]]) -> list[list[tuple[int, int]]]:
    """Points of each closed outline where its direction changes, as (row, column)."""
    loops = []
    for start in sorted(leaving):
        while leaving[start]:
            direction = leaving[start].pop()
            label, row, column = start
            loop = [(row, column)]
            while True:
                row, column = row + _STEPS[direction][0], column + _STEPS[direction][1]
                if (label, row, column) == start:
                    break
                ways = leaving[label, row, column]
                turn = _turn(ways, direction)
                ways.remove(turn)
                if turn != direction:
                    loop.append((row, column))
                direction = turn
            loops.append(loop)
    return loops


def _turn(ways: list[int], direction: int) -> int:
    """The way to go on; where two pixels touch by a corner, turning right keeps them apart."""
    return min(ways, key=lambda way: (direction + 1 - way) % 4)


def _as_path(loop: list[tuple[int, int]], stride: int, row: int, column: int) -> str:
    corners = [(r * stride + row, c * stride + column) for r, c in loop]
    path = f"M{corners[0][1]} {corners[0][0]}"
    for before, after in zip(corners, [*corners[1:], corners[0]], strict=True):
        path += f"H{after[1]}" if before[0] == after[0] else f"V{after[0]}"
    return f"{path}Z"
