"""What a container was told about a case, as one SVG image: slices below one another, as masks."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from data_manifest.prompts import Dots, Prompts, Words
from evaluate.reporting.case_files import Window
from evaluate.reporting.case_pictures import box_path, dots_path
from evaluate.reporting.quantities import clipped
from evaluate.reporting.svg import element

_INSIDE, _BESIDE, _BOX = "#1fd39b", "#ff5ad1", "#fff"
_LETTERS = 0.045
"""Height of written words, for the height of a slice."""


def told_picture(prompts: Sequence[Prompts], window: Window, slices: Sequence[int]) -> bytes:
    """Draw prompts.

    Args:
        prompts: of one case.
        window: rows and columns that are shown.
        slices: of a volume; a single one of a 2D image.
    """
    parts = [
        element(
            "svg",
            *_drawn(prompts, window, index),
            x=0,
            y=place * window.rows,
            width=window.columns,
            height=window.rows,
            viewBox=f"{window.left} {window.top} {window.columns} {window.rows}",
            preserveAspectRatio="none",
        )
        for place, index in enumerate(slices)
    ]
    whole = element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {window.columns} {window.rows * len(slices)}",
        preserveAspectRatio="none",
        width=window.columns,
        height=window.rows * len(slices),
    )
    return str(whole).encode("utf-8")


def dotted_slices(prompts: Sequence[Prompts]) -> list[int]:
    """The slices of a volume on which prompts have dots, rising."""
    volumes = [kind for kind in prompts if kind.axes == 3]
    return sorted(
        index
        for index in {index for kind in volumes for index in kind.slices()}
        if any(isinstance(shape, Dots) for kind in volumes for shape in kind.shapes(index))
    )


def _drawn(prompts: Sequence[Prompts], window: Window, index: int) -> Iterable[Markup]:
    words = 0
    for shape in (s for kind in prompts for s in kind.shapes(index if kind.axes == 3 else None)):
        match shape:
            case Words():
                words += 1
                size = _LETTERS * window.rows
                yield element(
                    "text",
                    clipped(shape.text, 40),
                    x=window.left + size / 2,
                    y=window.top + 1.3 * size * words,
                    fill=_BOX,
                    stroke="#000",
                    stroke_width=size / 8,
                    paint_order="stroke",
                    font_size=size,
                    font_family="sans-serif",
                )
            case Dots():
                colour = _INSIDE if shape.inside else _BESIDE
                yield from _lines(dots_path(shape), colour, width=6, halo=9)
            case box:
                yield from _lines(box_path(box), _BOX, width=1.3, halo=3)


def _lines(path: str, colour: str, *, width: float, halo: float) -> Iterable[Markup]:
    for stroke, thick in (("#000", halo), (colour, width)):
        yield element(
            "path",
            d=path,
            fill="none",
            stroke=stroke,
            stroke_width=thick,
            stroke_linecap="round",
            vector_effect="non-scaling-stroke",
        )
