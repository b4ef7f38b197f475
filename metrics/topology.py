"""Connectedness of tubes: skeletons, centreline Dice, pieces and tunnels; and of their parts.

A part is a label, and two labels touch where a voxel of one is among the 26 neighbours (in 2D the
8) of the other's (TopCoW 2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from metrics import kernel
from metrics.arguments import Mask
from metrics.spans import Spans, pair_counts

_Bytes: TypeAlias = npt.NDArray[np.uint8]


def skeleton(mask: Mask) -> Mask:
    """Thin a mask to lines one voxel wide.

    The skeleton is that of Lee, Kashyap and Chu (CVGIP 56(6), 1994), with the order of directions
    that Fiji and scikit-image (`skeletonize(mask, method="lee")`) share: voxel for voxel the same.
    Which of several equal skeletons it is depends on the order of the axes. A plate of four voxels
    is thinned away whole, there as here.

    Args:
        mask: bool, 2D or 3D.
    """
    thinned = np.zeros_like(mask)
    filled = [np.flatnonzero(mask.any(axis=_all_but(mask, axis))) for axis in range(mask.ndim)]
    if not len(filled[0]):
        return thinned
    box = tuple(slice(int(at[0]), int(at[-1]) + 1) for at in filled)
    inside = mask[box].astype(np.uint8, order="C")
    inside = np.pad(inside.reshape((1,) * (3 - mask.ndim) + inside.shape), 1)
    is_flat = mask.ndim == 2 or mask.shape[0] == 1
    kernel.thin(inside, directions=4 if is_flat else 6)
    thinned[box] = inside[1:-1, 1:-1, 1:-1].reshape(thinned[box].shape)
    return thinned


def _all_but(mask: Mask, axis: int) -> tuple[int, ...]:
    return tuple(i for i in range(mask.ndim) if i != axis)


def centreline_dice(reference: Mask, prediction: Mask) -> tuple[float, float]:
    """The two halves of clDice (Shit et al., CVPR 2021), whose harmonic mean it is.

    Args:
        reference: bool, 2D or 3D.
        prediction: bool, of the same shape.

    Returns:
        The share of the prediction's skeleton that lies in the reference, and the share of the
        reference's that lies in the prediction; nan for an empty skeleton.
    """
    shares = []
    for own, other in ((prediction, reference), (reference, prediction)):
        line = skeleton(own)
        voxels = int(np.count_nonzero(line))
        shares.append(int(np.count_nonzero(line & other)) / voxels if voxels else float("nan"))
    return shares[0], shares[1]


def harmonic_mean(precision: float, sensitivity: float) -> float:
    """The harmonic mean of two shares: 0 if both are; nan if one is."""
    both = precision + sensitivity
    return 2 * precision * sensitivity / both if both else both


def betti_numbers(mask: Mask) -> tuple[int, int, int]:
    """Pieces, tunnels and hollows of a mask as a union of closed voxels.

    Pieces are components that touch by faces, edges or corners, hollows those of the background by
    faces; tunnels (in 2D: holes) follow from the Euler characteristic.

    Args:
        mask: bool, 2D or 3D.

    Returns:
        The Betti numbers 0, 1 and 2 (2 is 0 in 2D).
    """
    box = [np.flatnonzero(mask.any(axis=_all_but(mask, axis))) for axis in range(mask.ndim)]
    if not len(box[0]):
        return 0, 0, 0
    inside = mask[tuple(slice(int(at[0]), int(at[-1]) + 1) for at in box)]
    pieces = len(Spans.of(inside).joined(26).boxes)
    outside = ~np.pad(inside, 1)
    hollows = len(Spans.of(outside).joined(6).boxes) - 1
    if mask.ndim == 2:
        return pieces, hollows, 0
    return pieces, pieces + hollows - euler_characteristic(inside), hollows


def euler_characteristic(mask: Mask) -> int:
    """Corners less edges plus faces less cubes of a mask as a union of closed voxels.

    Args:
        mask: bool, 2D or 3D; in 2D corners less edges plus squares.
    """
    padded = np.pad(mask, 1)
    total = 0
    for flat_axes in range(2**mask.ndim):
        cells, dimension = padded, mask.ndim
        for axis in range(mask.ndim):
            if flat_axes >> axis & 1:  # a cell between two voxels is there if either is
                before = (slice(None),) * axis + (slice(None, -1),)
                after = (slice(None),) * axis + (slice(1, None),)
                cells, dimension = cells[before] | cells[after], dimension - 1
        total += (-1) ** dimension * int(np.count_nonzero(cells))
    return total


Part = tuple[int, ...]
"""A label, or two that are to touch."""


def parts(text: str) -> tuple[Part, ...]:
    """Labels, and pairs of labels, from a protocol's text.

    >>> parts("12+6 10")
    ((12, 6), (10,))

    Raises:
        ValueError: it is no such text.
    """
    return tuple(tuple(int(label) for label in part.split("+")) for part in text.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRules:
    """What is looked at.

    Attributes:
        checked: labels that have to be there, in one piece or several, and touch, as in the
            reference.
        sides: pairs of a left label and a right one: of the first pair that both are there.
        min_iou: from which a checked label was found.
    """

    checked: Sequence[Part]
    sides: Sequence[Part]
    min_iou: float


def variant(spans: Spans, graph: Sequence[Part]) -> int:
    """Which parts there are, as decimal digits: 1101 without the third of four."""
    return int("".join(str(int(_is_there(spans, part))) for part in graph) or "0")


def _is_there(spans: Spans, part: Part) -> bool:
    if len(part) == 1:
        return spans.size(part[0]) > 0
    return set(part[1:]) <= _touching(spans, part[0])


def _touching(spans: Spans, label: int) -> set[int]:
    """The labels that touch one."""
    grown = spans.only([label]).dilated(1, connectivity=26)
    return set(pair_counts(grown, spans)[1].tolist()) - {label}


def is_same_topology(reference: Spans, prediction: Spans, rules: GraphRules) -> bool:
    """Whether each checked label is found, in as many pieces, and touches the same labels.

    Left and right must not be exchanged.
    """
    labels = [label for part in rules.checked for label in part]
    return not is_flipped(prediction, rules) and all(
        _is_alike(reference, prediction, label, rules.min_iou) for label in labels
    )


def _is_alike(reference: Spans, prediction: Spans, label: int, min_iou: float) -> bool:
    sizes = reference.size(label), prediction.size(label)
    if not any(sizes):
        return True
    first, second = reference.only([label]), prediction.only([label])
    shared = int(pair_counts(first, second)[2].sum())
    pieces = [spans.joined(26).value_count for spans in (first, second)]
    return (
        shared >= min_iou * (sum(sizes) - shared)
        and pieces[0] == pieces[1]
        and _touching(reference, label) == _touching(prediction, label)
    )


def is_flipped(spans: Spans, rules: GraphRules) -> bool:
    """Whether the left lies before the right along the last axis, by their medians.

    The last axis (x) runs to the patient's left.
    """
    for left, right in rules.sides:
        if spans.size(left) and spans.size(right):
            return bool(_middle(spans, left) < _middle(spans, right))
    return False


def _middle(spans: Spans, label: int) -> float:
    box = spans.boxes[label]
    middle = float(np.median(np.nonzero(spans.mask([label], box))[-1]))
    return middle + int(box[-1].start)
