"""Dots over boxes as SVG: every case of every team, in one metric."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from evaluate.reporting.quantities import Quantity, clipped
from evaluate.reporting.svg import Axis, drawing, element, line, number, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One case's value in dots over boxes."""

    case: str
    modality: str
    value: float
    is_failure: bool
    is_simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One team's row in dots over boxes; `dots` may be fewer than `values` where there are many."""

    team: str
    values: tuple[float, ...]
    dots: tuple[Dot, ...]


def spread_chart(rows: Sequence[Spread], quantity: Quantity, *, description: str) -> Markup:
    """Every case a dot, over a box of the quartiles; a row a team."""
    step = 62.0 if len(rows) <= 8 else 46.0
    width, top = 360.0, 34.0
    height = top + step * len(rows) + 4
    values = [value for row in rows for value in row.values]
    x = Axis.around(
        values, start=10, end=width - 14, is_log=not quantity.is_score, is_score=quantity.is_score
    )
    parts = []
    for tick in x.ticks(6):
        parts.append(line(x(tick), top - 8, x(tick), height, "grid"))
        parts.append(text(x(tick), 16, f"{tick:,g}", "tick", "middle"))
    for position, row in enumerate(rows):
        parts.append(_spread_row(row, quantity, x, top + step * position, step))
    return drawing(
        *parts,
        name=f"spread-{quantity.name}",
        title=f"{quantity.head} of every case",
        description=description,
        width=width,
        height=height,
    )


def _spread_row(row: Spread, quantity: Quantity, x: Axis, top: float, step: float) -> Markup:
    middle, half = top + 17 + (step - 20) / 2, (step - 24) / 2
    parts = [text(0, top + 11, clipped(row.team, 44), "team")]
    if row.values:
        low, median, high = (float(q) for q in np.quantile(row.values, [0.25, 0.5, 0.75]))
        parts.append(
            element(
                "rect", x=x(low), y=middle - half, width=max(1.0, x(high) - x(low)),
                height=2 * half, rx=2, class_="box",
            )
        )  # fmt: skip
    offsets = _swarm([x(dot.value) for dot in row.dots], half)
    for dot, offset in zip(row.dots, offsets, strict=True):
        parts.append(_dot(dot, quantity, x(dot.value), middle + offset))
    if row.values:
        parts.append(line(x(median), middle - half, x(median), middle + half, "median"))
    return element("g", *parts, data_team=row.team)


def _dot(dot: Dot, quantity: Quantity, x: float, y: float) -> Markup:
    words = f"{dot.case} ({dot.modality}): {quantity.text_with_unit(dot.value)}"
    words += ", failed" if dot.is_failure else ""
    title = element("title", words)
    if dot.is_failure:
        path = f"M{number(x - 3.5)} {number(y - 3.5)}l7 7m0-7l-7 7"
        return element("path", title, d=path, class_="failed", data_case=dot.case)
    class_ = "dot hollow" if dot.is_simulated else "dot"
    return element("circle", title, cx=x, cy=y, r=3, class_=class_, data_case=dot.case)


def _swarm(positions: Sequence[float], half: float) -> list[float]:
    """Offsets across the axis so that dots do not cover each other where there is room."""
    placed: list[tuple[float, float]] = []
    offsets = [0.0] * len(positions)
    choices = sorted({s * lane * 3.0 for lane in range(int(half // 3)) for s in (1, -1)}, key=abs)
    for index in sorted(range(len(positions)), key=lambda i: (positions[i], i)):
        x = positions[index]
        near = [(px, py) for px, py in placed[-60:] if x - px < 6]
        offsets[index] = next(
            (y for y in choices if all((x - px) ** 2 + (y - py) ** 2 >= 36 for px, py in near)),
            choices[index % len(choices)] if choices else 0.0,
        )
        placed.append((x, offsets[index]))
    return offsets
