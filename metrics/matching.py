"""Which objects are found, missed or made up: the rules by which challenges match them.

Every rule reads one histogram of overlaps (`ObjectPairs`). No rule knows what an empty mask is
worth: a share of nothing is nan here.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from metrics.objects import ObjectPairs

IouMatching: TypeAlias = Literal["iou", "one_to_one", "greedy"]
"""A rule that asks for an intersection over union."""

Pair: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]

_Numbers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """How many objects were found, made up and missed.

    Attributes:
        tp: objects of the reference that were found.
        fp: predicted objects that are none of the reference's.
        fn: objects of the reference that were missed.
        pairs: the matched objects of the reference and of the prediction, of a rule that makes
            pairs; each side is one object, or several that count as one.
        iou_sum: the intersections over unions of pairs of one object each, added up.
        hit: the numbers of the reference's objects that were found.
        false: the numbers of the predicted objects that are none of the reference's.
    """

    tp: int
    fp: int
    fn: int
    pairs: tuple[Pair, ...] = ()
    iou_sum: float = 0.0
    hit: frozenset[int] = frozenset()
    false: frozenset[int] = frozenset()

    @property
    def precision(self) -> float:
        """Of predicted objects, those found: tp / (tp + fp); nan where nothing was predicted."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def sensitivity(self) -> float:
        """Of the reference's, those found: tp / (tp + fn); nan where there was nothing to find."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """2tp / (2tp + fp + fn); nan where neither map has an object."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def scored_pairs(self) -> int:
        """How many pairs metrics of matched objects are over: none where nothing was found."""
        return len(self.pairs) if self.tp > 0 else 0

    def detection_quality(self, *, smoothing: float = 0.0) -> float:
        """The share tp / (tp + fp/2 + fn/2) of Kirillov et al., Panoptic Segmentation, CVPR 2019.

        Args:
            smoothing: what a script adds to the whole to avoid a division by 0: CoNIC 2022
                adds 1e-6.
        """
        return _share(self.tp, self.tp + self.fp / 2 + self.fn / 2 + smoothing)

    def segmentation_quality(self, *, smoothing: float = 0.0) -> float:
        """The mean intersection over union of the matched pairs; nan without any."""
        return _share(self.iou_sum, self.tp + smoothing)

    def panoptic_quality(self, *, smoothing: float = 0.0) -> float:
        """Detection quality times segmentation quality: the sum of IoU over tp + fp/2 + fn/2.

        Without smoothing it is 0, and no 0 times nan, where no pair matches.
        """
        if smoothing:
            return self.detection_quality(smoothing=smoothing) * self.segmentation_quality(
                smoothing=smoothing
            )
        return _share(self.iou_sum, self.tp + self.fp / 2 + self.fn / 2)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def detect_label(reference: int, prediction: int, shared: int, *, min_iou: float) -> Detection:
    """A whole label as one object: is it there, and where it should be, as TopCoW 2024 asks?

    A label that the reference has is found or missed; one in the wrong place is missed and no false
    positive besides. Only a label that the reference has nowhere can be one.

    Args:
        reference: voxels of the label in the reference.
        prediction: voxels in the prediction.
        shared: voxels in both.
        min_iou: the intersection over union from which it is found, inclusive.
    """
    if not reference:
        false = frozenset([1] if prediction else [])
        return Detection(tp=0, fp=len(false), fn=0, false=false)
    iou = shared / (reference + prediction - shared)
    is_found = iou >= min_iou
    return Detection(
        tp=int(is_found),
        fp=0,
        fn=int(not is_found),
        iou_sum=iou * is_found,
        hit=frozenset([1] if is_found else []),
    )


def match_any(objects: ObjectPairs) -> Detection:
    """One shared voxel is enough (ISLES 2022).

    An object of the reference is found where it shares a voxel with any prediction, and a predicted
    one is false where it shares none with the reference.
    """
    return _counted(objects, hit=objects.overlaps[0], real=objects.overlaps[1])


def match_by_iou(
    objects: ObjectPairs, matching: IouMatching, *, min_iou: float = 0.5, inclusive: bool = True
) -> Detection:
    """Match objects whose intersection over union is large enough.

    Args:
        objects: of both maps.
        matching: `iou`: one object may match several (autoPET V). `one_to_one`: each object is in
            one pair, as many pairs as can be, then of the largest sum of IoU (Metrics Reloaded; the
            text track of CVPR 2025). `greedy`: the pair of the largest IoU first, then the next of
            objects not yet used (panoptica; ISLES 2024).
        min_iou: intersection over union, from 0 to 1.
        inclusive: whether a pair of exactly `min_iou` matches.
    """
    ious = objects.ious
    # A quotient, as in the published scripts: 3 of 30 voxels are a tenth, though .1 * 30 > 3.
    fits = ious >= min_iou if inclusive else ious > min_iou
    first, second, ious = objects.overlaps[0][fits], objects.overlaps[1][fits], ious[fits]
    if matching == "iou":
        return _counted(objects, hit=first, real=second)
    chosen = _greedy(first, second, ious) if matching == "greedy" else _best(first, second, ious)
    pairs = tuple(
        ((real,), (made,))
        for real, made in zip(first[chosen].tolist(), second[chosen].tolist(), strict=True)
    )
    counted = _counted(objects, hit=first[chosen], real=second[chosen])
    return replace(counted, pairs=pairs, iou_sum=float(ious[chosen].sum()))


def _counted(objects: ObjectPairs, *, hit: _Numbers, real: _Numbers) -> Detection:
    """Each object counts once, however many it matches."""
    those, false = np.unique(hit), np.setdiff1d(objects.predicted_objects, real)
    return Detection(
        tp=len(those),
        fp=len(false),
        fn=len(objects.reference_objects) - len(those),
        hit=frozenset(those.tolist()),
        false=frozenset(false.tolist()),
    )


def _greedy(first: _Numbers, second: _Numbers, ious: npt.NDArray[np.float64]) -> _Numbers:
    chosen, used, taken = [], set(), set()
    for i in np.argsort(-ious, kind="stable").tolist():
        if int(first[i]) in used or int(second[i]) in taken:
            continue
        used.add(int(first[i]))
        taken.add(int(second[i]))
        chosen.append(i)
    return np.array(sorted(chosen), dtype=np.int64)


def _best(first: _Numbers, second: _Numbers, ious: npt.NDArray[np.float64]) -> _Numbers:
    """The pairs of a largest matching, of the largest sum of IoU among these.

    Objects that compete with each other form groups, which are small; each is solved alone.
    """
    from scipy import optimize, sparse  # slow to import, and only needed here

    if not len(first):
        return first
    offset = int(first.max()) + 1
    nodes = offset + int(second.max()) + 1
    links = sparse.csr_array((np.ones(len(first)), (first, second + offset)), shape=(nodes, nodes))
    _, groups = sparse.csgraph.connected_components(links, directed=False)
    chosen = []
    by_group = np.argsort(groups[first], kind="stable")
    for members in np.split(by_group, np.flatnonzero(np.diff(groups[first][by_group])) + 1):
        rows, row = np.unique(first[members], return_inverse=True)
        columns, column = np.unique(second[members], return_inverse=True)
        # A pair more is worth more than any sum of IoU, which is at most one a pair.
        worth = np.zeros((len(rows), len(columns)))
        worth[row, column] = ious[members] + len(members)
        at = np.full(worth.shape, -1)
        at[row, column] = members
        pairs = at[optimize.linear_sum_assignment(worth, maximize=True)]
        chosen.extend(pairs[pairs >= 0].tolist())
    return np.array(sorted(chosen), dtype=np.int64)
