"""One case as a picture: the image, the reference's and the prediction's outlines, the prompts."""

import base64
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from PIL import Image

from data_manifest.cases import CaseInputs, Reference
from data_manifest.prompts import Dots, Rectangle, Shape, Words
from evaluate.reporting.case_files import Window, row_height, window_around
from evaluate.reporting.quantities import clipped
from evaluate.reporting.svg import drawing, element

_MOST_EDGES = 30_000
"""Above this a map is thinned out first: a participant's noise must not swell the page."""

_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""Right, down, left, up, as (row, column) of a grid corner."""

_Corner = tuple[int, int, int]  # label, row, column
_Labels = npt.NDArray[np.integer]


def outline_path(labels: _Labels, *, row: int = 0, column: int = 0, longest: int = 640) -> str:
    """Outlines of every label along the pixels' edges.

    An edge between two labels is drawn once, as the higher label's: drawn twice, its dashes
    would close to a solid line. The lower label's outline is open there.

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
    lines = _lines(_edges(labels[::stride, ::stride], sides))
    return "".join(_as_path(line, stride, row, column) for line in lines)


def _sides(labels: _Labels) -> list[npt.NDArray[np.bool_]]:
    """Pixels whose upper, right, lower, left edge is drawn: their label is the higher one."""
    padded = np.pad(labels, 1)
    inner = padded[1:-1, 1:-1]
    neighbours = (padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2])
    return [inner > neighbour for neighbour in neighbours]


def _edges(labels: _Labels, sides: list[npt.NDArray[np.bool_]]) -> dict[_Corner, list[int]]:
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


def _after(corner: _Corner, direction: int) -> _Corner:
    label, row, column = corner
    return label, row + _STEPS[direction][0], column + _STEPS[direction][1]


def _lines(leaving: dict[_Corner, list[int]]) -> Iterator[list[_Corner]]:
    """Points of each line where it starts, bends and ends: open ones first, then the closed."""
    arriving: dict[_Corner, int] = {}
    for corner, directions in leaving.items():
        for direction in directions:
            end = _after(corner, direction)
            arriving[end] = arriving.get(end, 0) + 1
    for corner in sorted(leaving):
        for _ in range(len(leaving[corner]) - arriving.get(corner, 0)):
            yield _walk(leaving, corner)
    for corner in sorted(leaving):
        while leaving[corner]:
            yield _walk(leaving, corner)


def _walk(leaving: dict[_Corner, list[int]], start: _Corner) -> list[_Corner]:
    """Follow edges from a corner, using them up, until it is closed or ends."""
    direction = leaving[start].pop()
    at, line = _after(start, direction), [start]
    while at != start and leaving.get(at):
        # Where two pixels touch by a corner, turning right keeps them apart.
        turn = min(leaving[at], key=lambda way: (direction + 1 - way) % 4)
        leaving[at].remove(turn)
        if turn != direction:
            line.append(at)
        at, direction = _after(at, turn), turn
    return [*line, at]


def _as_path(line: list[_Corner], stride: int, row: int, column: int) -> str:
    corners = [(r * stride + row, c * stride + column) for _, r, c in line]
    path = f"M{corners[0][1]} {corners[0][0]}"
    for before, after in pairwise(corners):
        path += f"H{after[1]}" if before[0] == after[0] else f"V{after[0]}"
    return path + "Z" * (line[0] == line[-1])


_LARGEST = 420
"""Pixels of the longer side of an embedded image: enough for a page, small enough to send."""
_QUALITY = 82


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePicture:
    """A drawn case.

    The image stands on the page once; drawings refer to it by its id.
    """

    image_id: str
    image: Markup
    drawing: Markup
    where: str


def slice_to_show(labels: npt.NDArray[np.integer]) -> int:
    """The slice of a (D, H, W) label map with the largest reference area, the first of equals.

    The middle slice if the reference is empty.
    """
    areas = (labels > 0).sum(axis=(1, 2))
    return int(np.argmax(areas)) if areas.any() else labels.shape[0] // 2


def draw_case(
    inputs: CaseInputs,
    reference: Reference,
    prediction: npt.NDArray[np.integer] | None,
    *,
    name: str,
    title: str,
    description: str,
) -> CasePicture:
    """Draw a case.

    Maps are (H, W) or (D, H, W); no prediction where none can be shown. The name is unique on the
    page.
    """
    labels, image = reference.labels, inputs.image
    index, words = None, []
    if labels.ndim == 3:
        index = slice_to_show(labels)
        words.append(f"slice {index + 1} of {labels.shape[0]}, the largest reference area")
        labels, image = labels[index], image[index]
        prediction = None if prediction is None else prediction[index]
    if prediction is not None and not prediction.any():
        words.append("the prediction is empty here")
    shown = labels > 0 if prediction is None else (labels > 0) | (prediction > 0)
    asked = [shape for prompts in inputs.prompts for shape in prompts.shapes(index)]
    words += [clipped(shape.text, 60) for shape in asked if isinstance(shape, Words)]
    window = window_around(shown, asked)
    if (window.rows, window.columns) != labels.shape:
        words.append("cut to the objects")
    image_id, embedded = _embed(window.of(image), window)
    parts = [
        element("use", href=f"#{image_id}"),
        *_outlines(labels, window, "reference", name),
        *(_outlines(prediction, window, "prediction", name) if prediction is not None else ()),
        *(part for shape in asked for part in _prompt(shape)),
    ]
    height = window.rows * row_height(inputs.spacing_mm)
    stretch = height / window.rows
    content = element(
        "g", *parts, transform=f"scale(1 {stretch:.4f}) translate({-window.left} {-window.top})"
    )
    picture = drawing(
        content,
        name=name,
        title=title,
        description=description,
        width=window.columns,
        height=height,
    )
    return CasePicture(image_id=image_id, image=embedded, drawing=picture, where="; ".join(words))


def _embed(image: npt.NDArray[np.generic], window: Window) -> tuple[str, Markup]:
    """The image inside the window, downscaled and compressed, under a name made of its bytes."""
    picture = Image.fromarray(np.ascontiguousarray(image, dtype=np.uint8))
    picture.thumbnail((_LARGEST, _LARGEST), Image.Resampling.BOX)
    stream = io.BytesIO()
    picture.convert("RGB").save(stream, "WEBP", quality=_QUALITY, method=4)
    data = stream.getvalue()
    key = f"{hashlib.sha256(data).hexdigest()[:16]}-{window.top}-{window.left}"
    image_id = f"image-{key}"
    return image_id, element(
        "image",
        id=image_id,
        href="data:image/webp;base64," + base64.b64encode(data).decode("ascii"),
        x=window.left,
        y=window.top,
        width=window.columns,
        height=window.rows,
        preserveAspectRatio="none",
    )


def _outlines(
    labels: npt.NDArray[np.integer], window: Window, kind: str, name: str
) -> list[Markup]:
    """A dark halo and a line on it, so that the line shows on every image."""
    shown = np.asarray(window.of(labels), dtype=np.int64)
    path = outline_path(shown, row=window.top, column=window.left)
    if not path:
        return []
    path_id = f"{name}-{kind}"
    line = element("path", id=path_id, d=path, vector_effect="non-scaling-stroke")
    return [
        element("defs", line),
        element("use", href=f"#{path_id}", class_=f"outline halo {kind}"),
        element("use", href=f"#{path_id}", class_=f"outline {kind}"),
    ]


def _prompt(shape: Shape) -> list[Markup]:
    """A halo and what lies on it; nothing of words."""
    match shape:
        case Rectangle():
            kind, path = "prompt", box_path(shape)
        case Dots():
            kind, path = f"prompt dots {'inside' if shape.inside else 'beside'}", dots_path(shape)
        case Words():
            return []
    return [
        element("path", d=path, class_=f"outline {more}{kind}", vector_effect="non-scaling-stroke")
        for more in ("halo ", "")
    ]


def box_path(box: Rectangle) -> str:
    """Around all of its pixels."""
    width, height = (max(0, a - b) + 1 for a, b in ((box.right, box.left), (box.bottom, box.top)))
    return f"M{box.left} {box.top}h{width}v{height}h{-width}z"


def dots_path(dots: Dots) -> str:
    """A line without length in the middle of each pixel; its round ends make it a dot."""
    return "".join(f"M{x + 0.5:g} {y + 0.5:g}h0" for y, x in dots.pixels)
