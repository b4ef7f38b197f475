"""Which parts of a structure are there, touch each other, and lie on which side (TopCoW 2024).

A part is a label, and two labels touch where a voxel of one is among the 26 neighbours (in 2D the
8) of the other's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics.spans import Spans, pair_counts

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
