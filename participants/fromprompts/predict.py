"""An answer to whatever prompts a case has: boxes, clicks, scribbles, lines; none to texts."""

from dataclasses import dataclass

import numpy as np
from case_files import Case, answer_all, empty_labels
from growing import grown

_BACKGROUND = 1000
_FIRST_REACH_MM, _REACH_MM = 40.0, 8.0
"""How far an object reaches from what was said first of it, and a mend from what was said last."""
_WIDTH = 0.5
"""Of an object across its longest line, for the line's length."""


def filled_boxes(case: Case, labels: np.ndarray) -> None:
    """Fill each box with its label; later boxes overwrite earlier ones."""
    for label, box in enumerate(case.boxes, start=1):
        labels[case.region(box)] = label


def ellipsoids(case: Case, labels: np.ndarray) -> None:
    """Around each line the ellipsoid whose longest axis on that slice it is."""
    spacing = np.array(case.spacing_mm or (1.0,) * case.axes)
    for label in sorted(set(np.unique(case.lines).tolist()) - {0}):
        at = np.argwhere(case.lines == label) * spacing
        ends = at[[0, -1]]
        length = max(float(np.linalg.norm(ends[1] - ends[0])), float(spacing.max()))
        along = (ends[1] - ends[0]) / length
        offset = np.stack(np.indices(case.shape), axis=-1) * spacing - ends.mean(axis=0)
        lengthwise = offset @ along
        across = np.sqrt(np.maximum((offset**2).sum(axis=-1) - lengthwise**2, 0))
        half = length / 2
        labels[(lengthwise / half) ** 2 + (across / (_WIDTH * half)) ** 2 <= 1] = label


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Voxels, (N, axes), and whether they belong to a label; None for any label."""

    label: int | None
    voxels: np.ndarray
    foreground: bool

    def wrong(self, labels: np.ndarray) -> np.ndarray:
        """Which voxels of an answer this could be about: those that do not say so yet."""
        here = labels > 0 if self.label is None else labels == self.label
        return here != self.foreground

    def says_in(self, labels: np.ndarray, region: tuple[np.ndarray, ...] | np.ndarray) -> None:
        """Make a part of an answer say so."""
        inside = labels[region]
        labels[region] = np.where(self.wrong(inside), self.label if self.foreground else 0, inside)


def told(case: Case) -> list[Told]:
    """Clicks in their order, then scribbles."""
    given = [
        Told(label=c.label, voxels=np.array([c.voxel]), foreground=c.foreground)
        for c in case.clicks
    ]
    marks = case.scribbles
    for label in () if marks is None else sorted(set(np.unique(marks).tolist()) - {0}):
        inside = label != _BACKGROUND
        voxels = np.argwhere(marks == label)
        given.append(Told(label=label if inside else None, voxels=voxels, foreground=inside))
    return given


def segment(case: Case) -> np.ndarray:
    """The answer of the round before, or a first one, changed by what was told since.

    Args:
        case: the image and its prompts.

    Returns:
        uint8 or uint16, (H, W) or (D, H, W).
    """
    labels = empty_labels(case)
    if case.previous is not None and case.previous.any():
        labels[:] = case.previous
    else:
        filled_boxes(case, labels)
        if case.lines is not None:
            ellipsoids(case, labels)
    given = told(case)
    for one in given:
        new = one.voxels[one.wrong(labels[tuple(one.voxels.T)])]
        if len(new):
            others = [other.voxels for other in given if _differ(one, other)]
            is_first = one.foreground and not (labels == one.label).any()
            reach_mm = _FIRST_REACH_MM if is_first else _REACH_MM
            one.says_in(labels, grown(case, new, others, reach_mm=reach_mm))
    for one in given:  # what was said stays so, whatever grew since
        one.says_in(labels, tuple(one.voxels.T))
    return labels


def _differ(one: Told, other: Told) -> bool:
    return (one.label, one.foreground) != (other.label, other.foreground)


if __name__ == "__main__":
    answer_all(segment, pickled=True)
