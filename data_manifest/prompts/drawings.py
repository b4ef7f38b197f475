"""Prompts that somebody draws on a page, by hand: what is drawn, and which kind is made of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from data_manifest.prompts.boxes import Boxes
from data_manifest.prompts.clicks import Clicks
from data_manifest.prompts.kind import Prompts, WrongPromptsError
from data_manifest.prompts.middle_boxes import MiddleBoxes
from data_manifest.prompts.recist import Recist
from data_manifest.prompts.scribbles import BACKGROUND, Scribbles
from data_manifest.prompts.strokes import line_pixels
from data_manifest.prompts.texts import Texts

Gesture = Literal["rectangle", "dot", "stroke", "line", "words"]

GESTURES: Mapping[str, Gesture] = {
    Boxes.kind: "rectangle",
    MiddleBoxes.kind: "rectangle",
    Clicks.kind: "dot",
    Scribbles.kind: "stroke",
    Recist.kind: "line",
    Texts.kind: "words",
}
"""What a hand does to give a prompt of each kind."""

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One thing that was drawn.

    Attributes:
        kind: of prompts, a name of `GESTURES`.
        label: the object that it is about, from 1.
        inside: whether it shows the object, or what does not belong to it.
        points: voxels, z, y, x each (z is 0 in 2D): two corners, an end and an end, a click, or a
            path.
        text: what was written instead.
    """

    kind: str
    label: int
    inside: bool = True
    points: tuple[tuple[int, int, int], ...] = ()
    text: str = ""


def prompts_drawn(kind: str, drawings: Sequence[Drawing], shape: Shape) -> Prompts:
    """Make prompts of one kind of what was drawn.

    Args:
        kind: a name of `GESTURES`.
        drawings: in the order in which they were drawn; those of a later round after earlier ones.
        shape: of the label map, (H, W) or (D, H, W).

    Raises:
        WrongPromptsError: labels with a gap, points beyond the image, or too few of them.
    """
    labels = sorted({drawing.label for drawing in drawings})
    if labels != list(range(1, len(labels) + 1)):
        expected = "objects 1, 2, 3, ... without a gap"
        raise WrongPromptsError(f"drawings of objects {labels}", expected)
    volume = (1,) * (3 - len(shape)) + shape
    for drawing in drawings:
        least = 0 if kind == Texts.kind else 2 if GESTURES[kind] in ("rectangle", "line") else 1
        inside = all(
            0 <= at < size
            for point in drawing.points
            for at, size in zip(point, volume, strict=True)
        )
        if len(drawing.points) < least or not inside:
            fault = f"a drawing with the points {drawing.points[:3]}"
            raise WrongPromptsError(fault, f"{least} or more, inside {volume}")
    return _MAKERS[kind](drawings, shape)


def _boxes(drawings: Sequence[Drawing], shape: Shape) -> Boxes:
    """The last rectangle of each object."""
    corners = {}
    for drawing in drawings:
        points = np.array(drawing.points)[:, ::-1][:, : len(shape)]
        corners[drawing.label] = [*points.min(axis=0), *points.max(axis=0)]
    return Boxes(corners=np.array([corners[label] for label in sorted(corners)], dtype=np.int64))


def _middle_boxes(drawings: Sequence[Drawing], shape: Shape) -> MiddleBoxes:
    whole = _boxes(drawings, shape).corners
    if len(shape) == 2:
        raise WrongPromptsError("a picture", "a volume, of which a slice is the middle")
    return MiddleBoxes(corners=whole, middles=(whole[:, 2] + whole[:, 5]) // 2)


def _clicks(drawings: Sequence[Drawing], shape: Shape) -> Clicks:
    """Each object's first click in the first round, its second in the second, and so on."""
    labels = sorted({drawing.label for drawing in drawings})
    of_label = {label: [d for d in drawings if d.label == label] for label in labels}
    rounds = max(len(clicks) for clicks in of_label.values())
    given = np.full((rounds, len(labels), 1 + len(shape)), -1, dtype=np.int64)
    for column, label in enumerate(labels):
        for number, click in enumerate(of_label[label]):
            given[number, column] = (int(click.inside), *click.points[0][3 - len(shape) :])
    return Clicks(labels=np.array(labels, dtype=np.int64), given=given)


def _marks(
    drawings: Sequence[Drawing], shape: Shape
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    marks = np.zeros((1,) * (3 - len(shape)) + shape, np.int64)
    for drawing in drawings:
        value = drawing.label if drawing.inside else BACKGROUND
        ends = zip(drawing.points, drawing.points[1:] or drawing.points, strict=False)
        for (z, *start), (_, *end) in ends:
            pixels = line_pixels(start, end)
            marks[z, pixels[:, 0], pixels[:, 1]] = value
    return marks.reshape(shape)


_MAKERS: Mapping[str, Callable[[Sequence[Drawing], Shape], Prompts]] = {
    Boxes.kind: _boxes,
    MiddleBoxes.kind: _middle_boxes,
    Clicks.kind: _clicks,
    Scribbles.kind: lambda drawings, shape: Scribbles(marks=_marks(drawings, shape)),
    Recist.kind: lambda drawings, shape: Recist(marks=_marks(drawings, shape)),
    Texts.kind: lambda drawings, shape: Texts(
        texts={drawing.label: drawing.text for drawing in drawings}, dimensions=len(shape)
    ),
}


def kinds_to_draw(asked: Sequence[str], maker: str) -> tuple[str, ...]:
    """The kinds of prompts that a page offers.

    Args:
        asked: by a protocol, of a case.
        maker: what makes prompts between its rounds.
    """
    made = {"largest_error_click": Clicks.kind, "error_scribble": Scribbles.kind}
    return tuple(dict.fromkeys([*asked, *([made[maker]] if maker in made else [])]))
