"""A box for whatever a case asks with: the network answers boxes alone."""

import dataclasses
import sys

import numpy as np
from case_files import Case, Click

_FIRST = 0.1
"""Half a side of the box around a first click, for the image's longest side."""
_BEYOND = 3
"""Pixels by which a box goes beyond a click on the object."""


def boxed(case: Case) -> Case:
    """The same case with a box for every label.

    Clicks: the box around the object so far (of the last answer; the case's own box before there is
    one; a small one around the first click where there is neither) is stretched to hold every click
    on the object, and cut on its nearest side before every click beside it. Scribbles and lines:
    the box around them, three pixels wider. Texts are refused, with a message and exit code 1.

    Args:
        case: as it was read.
    """
    if case.texts:
        sys.exit("LiteMedSAM answers boxes and clicks; it can't read texts")
    for marks in (case.scribbles, case.lines):
        if marks is not None:
            return dataclasses.replace(case, boxes=_around_marks(case, marks))
    if not case.clicks:
        return case
    boxes = [_box(case, label) for label in range(1, case.most + 1)]
    return dataclasses.replace(case, boxes=np.array(boxes, dtype=np.int64))


def _around_marks(case: Case, marks: np.ndarray) -> np.ndarray:
    boxes = np.tile(_nowhere(case.axes), (case.most, 1))
    for label in sorted(set(np.unique(marks).tolist()) - {0, 1000}):
        at = np.argwhere(marks == label)[:, ::-1]
        boxes[label - 1] = [*at.min(axis=0) - _BEYOND, *at.max(axis=0) + _BEYOND]
    return boxes


def _box(case: Case, label: int) -> np.ndarray:
    """x_min, y_min(, z_min), x_max, y_max(, z_max)."""
    clicks = [click for click in case.clicks if click.label == label]
    box = _so_far(case, label, clicks)
    if box is None:
        return _nowhere(case.axes)
    for click in clicks:
        at = np.array(click.voxel[::-1])
        low, high = box[: case.axes], box[case.axes :]  # parts of it, which are changed in place
        if click.foreground:
            inside = ((low <= at) & (at <= high)).all()
            low[:] = low if inside else np.minimum(low, at - _BEYOND)
            high[:] = high if inside else np.maximum(high, at + _BEYOND)
        elif ((low <= at) & (at <= high)).all():
            sides = np.concatenate([at - low, high - at])
            side = int(np.argmin(sides))
            box[side] = at[side % case.axes] + (1 if side < case.axes else -1)
    return box


def _so_far(case: Case, label: int, clicks: list[Click]) -> np.ndarray | None:
    if case.previous is not None and (case.previous == label).any():
        at = np.argwhere(case.previous == label)[:, ::-1]
        return np.concatenate([at.min(axis=0), at.max(axis=0)])
    if len(case.boxes) >= label:
        return case.boxes[label - 1].copy()
    first = next((np.array(c.voxel[::-1]) for c in clicks if c.foreground), None)
    if first is None:
        return None
    half = np.full(case.axes, int(_FIRST * max(case.shape[-2:])))
    if case.axes == 3:
        depth_mm, *_, width_mm = case.spacing_mm
        half[2] = max(1, round(half[0] * width_mm / depth_mm))
    return np.concatenate([first - half, first + half])


def _nowhere(axes: int) -> np.ndarray:
    """A box without a pixel: nothing of that label is known."""
    return np.array([-2] * axes + [-1] * axes)
