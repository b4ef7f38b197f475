"""What kinds of prompts that are maps of marked voxels have in common."""

import numpy as np
import numpy.typing as npt

from data_manifest.prompts.kind import Dots, Shape

__all__ = ["near_marks", "shapes_of_map", "turned_map"]

_REACH = 3
"""Pixels around a mark that a participant without a look at the image takes."""

Marks = npt.NDArray[np.integer]


def shapes_of_map(marks: Marks, index: int | None, *, outside: int | None = None) -> list[Shape]:
    """The marked pixels of a slice, or of all, seen along z: those of labels, and those of none.

    Args:
        marks: (H, W) or (D, H, W); 0 where there is none.
        index: the slice; None for all.
        outside: the number that says of a voxel that it is of no label.
    """
    if marks.ndim == 3:
        marks = marks[index] if index is not None else marks.max(axis=0)
    shapes: list[Shape] = []
    for inside in (True, False):
        here = (marks == outside) if not inside else (marks > 0) & (marks != outside)
        pixels = np.argwhere(here)
        if len(pixels):
            shapes.append(Dots(pixels=tuple((y, x) for y, x in pixels.tolist()), inside=inside))
    return shapes


def turned_map(marks: Marks) -> Marks:
    """As who takes x, y, z for z, y, x reads it; what then lies outside of the image is lost."""
    turned = np.zeros_like(marks)
    at = np.argwhere(marks)
    values = marks[tuple(at.T)]
    inside = (at[:, ::-1] < marks.shape).all(axis=1)
    turned[tuple(at[inside][:, ::-1].T)] = values[inside]
    return turned


def near_marks(marks: Marks, *, outside: int | None = None) -> npt.NDArray[np.uint16]:
    """Every voxel near a mark of a label, with that label; near one of none, nothing.

    Smaller labels come over larger ones, and marks over what is near others.
    """
    labels = np.zeros(marks.shape, np.uint16)
    present = sorted(set(np.unique(marks).tolist()) - {0, outside}, reverse=True)
    for label in [*present, outside]:
        if label is None:
            continue
        for at in np.argwhere(marks == label).tolist():
            reach = _REACH if label != outside else 1
            near = tuple(slice(max(0, i - reach), i + reach + 1) for i in at)
            labels[near] = 0 if label == outside else label
    marked = (marks > 0) & (marks != outside)
    labels[marked] = marks[marked]
    return labels
