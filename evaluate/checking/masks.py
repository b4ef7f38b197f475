"""Whether a mask answers its prompts: it is not empty, and label k lies in box k."""

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from data_manifest.findings import Severity
from evaluate.checking.trials import Hit

__all__ = ["filled_boxes", "mask_hits"]

_MARGIN = 3
_AWAY, _FAR = 0.5, 0.1
_MOST_BOXES = 200
_MISREAD = 0.7
_MODEL_SIZES = (224, 256, 512, 1024)
_LabelMap = npt.NDArray[np.integer]


def filled_boxes(boxes: npt.NDArray[np.integer], shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
    """The baseline: every box filled with its label, the image never looked at.

    Args:
        boxes: (N, 4) or (N, 6) as in the inputs, both ends inclusive.
        shape: of the label map.
    """
    labels = np.zeros(shape, np.uint16)
    for label, box in enumerate(boxes, start=1):
        labels[_region(box, shape)] = label
    return labels


def mask_hits(case: str, boxes: npt.NDArray[np.integer], prediction: _LabelMap) -> Iterator[Hit]:
    """What is wrong with a mask, by its prompts alone.

    Args:
        case: the case's identifier.
        boxes: (N, 4) or (N, 6) as in the inputs, both ends inclusive.
        prediction: (H, W) or (D, H, W).
    """
    if not prediction.any():
        yield _hit("mask-empty", case, f"not one voxel of {prediction.size:,} is labelled")
        return
    counts = np.bincount(prediction.ravel())
    covered = 1 - counts[0] / prediction.size
    asked = np.count_nonzero(filled_boxes(boxes, prediction.shape)) / prediction.size
    if covered > max(0.5, 1.5 * asked):
        found = f"{covered:.0%} of the image is labelled, the boxes cover {asked:.0%}"
        yield _hit("mask-fills-image", case, found)
        return
    yield from _numbering(case, counts, len(boxes))
    if len(boxes) <= _MOST_BOXES and len(counts) <= 4 * _MOST_BOXES:
        yield from _places(case, boxes, prediction, counts)


def _numbering(case: str, counts: npt.NDArray[np.integer], boxes: int) -> Iterator[Hit]:
    present = [int(label) for label in np.flatnonzero(counts) if label > 0]
    surplus = [label for label in present if label > boxes]
    missing = sorted(set(range(1, boxes + 1)) - set(present))
    if surplus:
        severity = Severity.PROBLEM if missing else Severity.WARNING
        found = f"labels {_listed(surplus)} for {boxes} boxes"
        yield _hit("labels-surplus", case, found, severity)
    if missing:
        severity = Severity.PROBLEM if 2 * len(missing) >= boxes else Severity.WARNING
        found = f"no voxel of label {_listed(missing)}; the mask has {_listed(present)}"
        mend = (
            "the mask is binary: write k for the object in box k"
            if len(present) == 1 and boxes > 1
            else ""
        )
        yield _hit("labels-missing", case, found, severity, mend)


def _places(
    case: str,
    boxes: npt.NDArray[np.integer],
    prediction: _LabelMap,
    counts: npt.NDArray[np.integer],
) -> Iterator[Hit]:
    """Whether labels lie in their boxes; if not, whether in others'."""
    inside = np.stack(
        [
            np.bincount(
                prediction[_region(box, prediction.shape, _MARGIN)].ravel(), minlength=len(counts)
            )
            for box in boxes
        ]
    )[:, 1:]
    own = sum(int(inside[k, k]) for k in range(min(inside.shape)))
    total = int(counts[1:].sum())
    rows, columns = linear_sum_assignment(inside, maximize=True)
    best = int(inside[rows, columns].sum())
    moved = [(int(c) + 1, int(r) + 1) for r, c in zip(rows, columns, strict=True)
             if r != c < len(boxes) and inside[r, c] > 0]  # fmt: skip
    if moved and own < _AWAY * total and best > 1.5 * own and best > _AWAY * total:
        shown = ", ".join(f"label {label} in box {box}" for label, box in sorted(moved)[:3])
        yield _hit(
            "labels-order", case, f"{shown}; {own / total:.0%} of the voxels in their own box"
        )
        return
    share = _inside(prediction, boxes)[0] / total
    if share < _AWAY:
        severity = Severity.PROBLEM if share < _FAR else Severity.WARNING
        found = f"{share:.0%} of the labelled voxels lie in a box"
        words, elsewhere = _misread(prediction, boxes)
        if elsewhere > _MISREAD * total and elsewhere > 2 * share * total:
            found += f", {elsewhere / total:.0%} would if {words}"
        yield _hit("mask-in-boxes", case, found, severity)


def _inside(prediction: _LabelMap, boxes: npt.NDArray[np.integer]) -> tuple[int, float]:
    """How many labelled voxels lie in a box, whichever, and the IoU of mask and boxes."""
    near = np.zeros(prediction.shape, bool)
    for box in boxes:
        near[_region(box, prediction.shape, _MARGIN)] = True
    both = int(np.count_nonzero(prediction[near]))
    return both, both / (np.count_nonzero(near) + np.count_nonzero(prediction) - both)


def _misread(prediction: _LabelMap, boxes: npt.NDArray[np.integer]) -> tuple[str, int]:
    """The way to misread the boxes that fits the mask best, and how many voxels then lie in one."""
    axes = prediction.ndim
    ways: dict[str, npt.NDArray[np.integer]] = {}
    for order in itertools.permutations(range(axes)):
        if order != tuple(range(axes)):
            read = ", ".join("xyz"[axis] for axis in order)
            columns = [*order, *(axes + axis for axis in order)]
            ways[f"the boxes were {read}"] = boxes[:, columns]
    longest = max(prediction.shape[-2:])
    for size in _MODEL_SIZES:
        scaled = boxes.astype(np.float64)
        scaled[:, [0, 1, axes, axes + 1]] *= size / longest
        words = f"the image were scaled to {size} pixels, and the mask not brought back"
        ways[words] = np.round(scaled).astype(np.int64)
    fits = {words: _inside(prediction, read) for words, read in ways.items()}
    best = max(fits, key=lambda words: fits[words][1])
    return best, fits[best][0]


def _region(
    box: npt.NDArray[np.integer], shape: tuple[int, ...], margin: int = 0
) -> tuple[slice, ...]:
    """A box's part of an array, wider by a margin, cut to the array."""
    axes = len(shape)
    low, high = box[:axes][::-1].tolist(), box[axes:][::-1].tolist()
    return tuple(
        slice(max(0, start - margin), max(0, min(size, stop + 1 + margin)))
        for start, stop, size in zip(low, high, shape, strict=True)
    )


def _listed(labels: list[int]) -> str:
    return ", ".join(map(str, labels[:5])) + (", …" if len(labels) > 5 else "")


def _hit(
    check: str, case: str, found: str, severity: Severity = Severity.PROBLEM, mend: str = ""
) -> Hit:
    return Hit(check=check, severity=severity, case=case, found=found, mend=mend)
