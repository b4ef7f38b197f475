"""A click in the middle of each label's largest error, as CVPR 2025's interactive track makes it.

After its `CVPR25_iter_eval.py` (JunMa11/CVPR-MedSegFMCompetition): the error of a label is where
reference and prediction differ about it; of its 26-connected components the largest, the first of
equals in C order; in it the voxels that lie deepest, by Euclidean distance in voxels to whatever is
not the component, outside of the image included; of those, in C order, the one that
`numpy.random.RandomState(42).choice` picks.

Errors are thin and few beside the voxels of a case, so nothing here visits the whole of it more
than once: an error is a list of runs along the last axis, and distances are taken run by run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse

_Indices = npt.NDArray[np.int64]

_SEED = 42
_LARGEST_BOX = 60_000_000
"""Voxels of a component's box, widened by a quarter, above which the script works on halves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """One voxel, and what it says.

    Attributes:
        voxel: (z, y, x).
        foreground: whether the voxel belongs to the label; otherwise it does not.
    """

    voxel: tuple[int, int, int]
    foreground: bool


def error_clicks(
    reference: npt.NDArray[np.integer],
    prediction: npt.NDArray[np.integer],
    labels: Sequence[int],
) -> list[Click | None]:
    """The next click of each label.

    Args:
        reference: integer labels, (D, H, W), in C order.
        prediction: the same shape.
        labels: which labels get one.

    Returns:
        One for each label, in their order; None where there is no error.

    Raises:
        ValueError: the shapes differ, or are not three-dimensional.

    >>> reference = np.zeros((1, 3, 3), dtype=np.uint8)
    >>> reference[0, 1] = 1
    >>> error_clicks(reference, np.zeros_like(reference), [1])
    [Click(voxel=(0, 1, 2), foreground=True)]
    """
    if reference.ndim != 3 or reference.shape != prediction.shape:
        raise ValueError(
            f"shapes {reference.shape} and {prediction.shape}; expected (D, H, W), the same twice"
        )
    wrong = np.flatnonzero(reference.ravel() != prediction.ravel())
    truth, answer = reference.ravel()[wrong], prediction.ravel()[wrong]
    clicks: list[Click | None] = []
    for label in labels:
        of_label = wrong[(truth == label) | (answer == label)]
        if not of_label.size:
            clicks.append(None)
            continue
        voxel = _deepest(_Runs.of(of_label, reference.shape).largest_component())
        where = np.unravel_index(voxel, reference.shape)
        z, y, x = (int(index) for index in where)
        clicks.append(Click(voxel=(z, y, x), foreground=bool(reference[z, y, x] == label)))
    return clicks


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """Voxels as runs along the last axis, in C order.

    Attributes:
        plane, row: index along the first and the second axis.
        first, last: along the third, both inclusive.
        shape: of the case.
    """

    plane: _Indices
    row: _Indices
    first: _Indices
    last: _Indices
    shape: tuple[int, ...]

    @classmethod
    def of(cls, voxels: _Indices, shape: tuple[int, ...]) -> "_Runs":
        """Runs of voxels that are given by their rising indices in C order."""
        line, column = np.divmod(voxels, shape[2])
        begins = np.ones(voxels.size, dtype=np.bool_)
        begins[1:] = (np.diff(voxels) != 1) | (np.diff(line) != 0)
        starts = np.flatnonzero(begins)
        ends = np.append(starts[1:], voxels.size) - 1
        plane, row = np.divmod(line[starts], shape[1])
        return cls(plane=plane, row=row, first=column[starts], last=column[ends], shape=shape)

    def largest_component(self) -> "_Runs":
        """The largest of the 26-connected components, the first of equals."""
        count = self.first.size
        pairs = [self._touching(1, step) for step in (-1, 0, 1)] + [self._touching(0, 1)]
        one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
        graph = sparse.coo_array((np.ones(one.size, np.int8), (one, other)), shape=(count, count))
        _, component = sparse.csgraph.connected_components(graph, directed=False)
        sizes = np.bincount(component, weights=self.last - self.first + 1)
        # The runs come in C order, so the first run of a largest component is that of the first.
        chosen = component == component[np.argmax(sizes[component] == sizes.max())]
        return _Runs(
            plane=self.plane[chosen],
            row=self.row[chosen],
            first=self.first[chosen],
            last=self.last[chosen],
            shape=self.shape,
        )

    def _touching(self, planes: int, rows: int) -> tuple[_Indices, _Indices]:
        """Pairs of runs that touch, corners included: each, and one of another row."""
        # A row's runs have a stretch of the keys to themselves, apart from the next row's by two.
        stretch, lines = self.shape[2] + 3, self.shape[1] + 2
        key = (self.plane * lines + self.row + 1) * stretch
        wanted = ((self.plane + planes) * lines + self.row + 1 + rows) * stretch
        low = np.searchsorted(key + self.last, wanted + self.first - 1, side="left")
        high = np.searchsorted(key + self.first, wanted + self.last + 1, side="right")
        counts = np.maximum(high - low, 0)
        one = np.repeat(np.arange(counts.size), counts)
        offsets = np.arange(one.size) - np.repeat(np.cumsum(counts) - counts, counts)
        return one, low[one] + offsets


def _deepest(runs: _Runs) -> int:
    """Of a component's deepest voxels the one that is clicked, as its index in C order."""
    lengths = runs.last - runs.first + 1
    run = np.repeat(np.arange(lengths.size), lengths)
    along = np.arange(run.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    z, y, x = runs.plane[run], runs.row[run], runs.first[run] + along
    low = np.array([z.min(), y.min(), x.min()])
    size = np.array([z.max(), y.max(), x.max()]) - low + 1
    padding = np.maximum((0.25 * size).astype(np.int64), 1)
    depth: npt.NDArray[Any]
    if int(np.prod(size + 2 * padding)) > _LARGEST_BOX:
        depth = _depth_by_halves((z - low[0], y - low[1], x - low[2]), size, padding)
    else:
        ends = np.minimum(along, lengths[run] - 1 - along) + 1
        depth = _squared_depth(z - low[0] + 1, y - low[1] + 1, x - low[2] + 1, ends, size + 2)
    candidates = np.flatnonzero(depth == depth.max())
    pick = candidates[np.random.RandomState(_SEED).choice(candidates.size)]
    return int((z[pick] * runs.shape[1] + y[pick]) * runs.shape[2] + x[pick])


def _squared_depth(
    z: _Indices, y: _Indices, x: _Indices, ends: _Indices, size: _Indices
) -> _Indices:
    """Squared distance of each voxel to the nearest one that is not in the list.

    Indices from 1: 0 and the last one of each axis are outside; `ends`: distance along x to there.
    """
    voxel = (z * size[1] + y) * size[2] + x
    depth = ends.astype(np.int64) ** 2
    field = np.zeros(int(np.prod(size)), dtype=np.int32)
    for stride in (size[2], size[1] * size[2]):
        field[voxel] = depth
        # At distance d nothing below d squared is found any more; the border is zero, so that no
        # step leaves the box.
        active, step = np.arange(depth.size), 1
        while (active := active[depth[active] > step * step]).size:
            at, across = voxel[active], step * stride
            near = np.minimum(field[at - across], field[at + across]) + step * step
            depth[active] = np.minimum(depth[active], near)
            step += 1
    return depth


def _depth_by_halves(
    voxels: tuple[_Indices, _Indices, _Indices], size: _Indices, padding: _Indices
) -> npt.NDArray[np.float64]:
    """Depth in a very large box, at half of its resolution, as the script takes it there."""
    z, y, x = (axis + pad for axis, pad in zip(voxels, padding, strict=True))
    half = np.zeros((size + 2 * padding + 1) // 2, dtype=np.bool_)
    half[z // 2, y // 2, x // 2] = True
    depth: npt.NDArray[np.float64] = ndimage.distance_transform_edt(half)
    of_each: npt.NDArray[np.float64] = depth[z // 2, y // 2, x // 2]
    return of_each
