"""The figures that show single cases: dots over boxes, and podiums."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from markupsafe import Markup

from evaluate.facts.scores import CaseScore
from evaluate.reporting.podium import (
    MOST_ON_NARROW_PODIUM,
    MOST_ON_PODIUM,
    PodiumCase,
    podium_chart,
)
from evaluate.reporting.quantities import Quantity, clipped
from evaluate.reporting.run_sources import Sources
from evaluate.reporting.shared_grids import blob_chart
from evaluate.reporting.standings import shown_quantities
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


MOST_DOTS = 200
"""Dots a team in one chart; of more cases every second, third ... is drawn."""

_READING_OF_STEPS = (
    "Each step is a place; dots are cases, lines join the teams of one case, and the bars count how"
    " often each team came to that place."
)
_TIE = 1e-12
"""Relative; as in the ranking, values that differ by less are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFigure:
    """A drawing of one metric's cases."""

    kind: Literal["spread", "podium"]
    quantity: Quantity
    drawing: Markup
    reading: str
    is_broad: bool

    @property
    def name(self) -> str:
        """Unique on the page, and the file's name."""
        return f"{self.kind}-{self.quantity.name}"


def spreads(sources: Sources, modality: str | None = None) -> list[CaseFigure]:
    """Dots over boxes of every shown metric; of one modality, or of all."""
    figures = []
    for quantity in shown_quantities(sources):
        rows = [_spread(sources, team, quantity, modality) for team in sources.teams]
        if any(row.values for row in rows):
            medians = "; ".join(
                f"{clipped(row.team, 60)} {quantity.text_with_unit(float(np.median(row.values)))}"
                for row in rows
                if row.values
            )
            chart = spread_chart(rows, quantity, description=f"Medians: {medians}.")
            side = "right" if quantity.higher_is_better else "left"
            figures.append(
                CaseFigure(
                    kind="spread", quantity=quantity, drawing=chart,
                    reading=f"Further {side} is better.", is_broad=False,
                )
            )  # fmt: skip
    return figures


def _of(sources: Sources, team: str, modality: str | None) -> list[CaseScore]:
    scores = sources.scores_of(team)
    return scores if modality is None else [s for s in scores if s.modality == modality]


def _spread(sources: Sources, team: str, quantity: Quantity, modality: str | None) -> Spread:
    scores = [
        (value, score)
        for score in _of(sources, team, modality)
        if (value := score.value(quantity.name)) is not None
    ]
    step = -(-len(scores) // MOST_DOTS) or 1
    ordered = sorted(scores, key=lambda pair: (pair[0], pair[1].case))
    return Spread(
        team=team,
        values=tuple(value for value, _ in scores),
        dots=tuple(_as_dot(sources, score, value) for value, score in ordered[::step]),
    )


def _as_dot(sources: Sources, score: CaseScore, value: float) -> Dot:
    return Dot(
        case=score.case,
        modality=score.modality,
        value=value,
        is_failure=score.outcome.is_failure,
        is_simulated=bool(sources.simulated(score.case)),
    )


def podiums(sources: Sources, modality: str | None = None) -> list[CaseFigure]:
    """Who took which place in how many cases, for each ranked metric; none for a single team.

    With few teams each case is drawn too; with many, only how often each place was taken.
    """
    if len(sources.teams) < 2:
        return []
    figures = []
    for name in sources.ranked:
        cases = [
            case
            for case in _podium_cases(sources, name, modality)
            if any(value is not None for value in case.values)
        ]
        if not cases:
            continue
        quantity = sources.quantities[name]
        name = f"podium-{name}"
        title = f"Places within the cases, {quantity.title}"
        if len(sources.teams) <= MOST_ON_PODIUM:
            chart = podium_chart(sources.teams, cases, quantity, name=name, title=title)
            reading = _READING_OF_STEPS
        else:
            taken = {
                team: _shares([case.places[at] for case in cases])
                for at, team in enumerate(sources.teams)
            }
            chart = blob_chart(
                taken, name=name, title=title, by_what="place within the case", of="cases"
            )
            reading = "The larger a circle, the more cases the team came to that place in."
        figures.append(
            CaseFigure(
                kind="podium", quantity=quantity, drawing=chart, reading=reading,
                is_broad=len(sources.teams) > MOST_ON_NARROW_PODIUM,
            )
        )  # fmt: skip
    return figures


def _shares(places: list[int]) -> dict[int, float]:
    values, counts = np.unique(places, return_counts=True)
    return {
        int(place): float(count / len(places)) for place, count in zip(values, counts, strict=True)
    }


def _podium_cases(sources: Sources, metric: str, modality: str | None) -> list[PodiumCase]:
    """Every case with the value and the place of each team in it; a failure is last."""
    quantity = sources.quantities[metric]
    by_team = [
        {score.case: score for score in _of(sources, team, modality)} for team in sources.teams
    ]
    names = sorted(set[str]().union(*by_team))
    values = np.array(
        [
            [np.nan if (s := of.get(name)) is None or s.outcome.is_failure
             else _number(s.value(metric)) for name in names]
            for of in by_team
        ]
    ).reshape(len(by_team), len(names))  # fmt: skip
    merit = np.where(np.isnan(values), -np.inf, values if quantity.higher_is_better else -values)
    places = np.ones(merit.shape, dtype=int)
    for row in merit:
        with np.errstate(invalid="ignore"):
            slack = _TIE * np.maximum(np.abs(row), np.abs(merit))
            places += np.where(np.isneginf(merit), ~np.isneginf(row), row - merit > slack)
    return [
        PodiumCase(
            case=name,
            values=tuple(None if np.isnan(v) else float(v) for v in values[:, at]),
            places=tuple(places[:, at].tolist()),
        )
        for at, name in enumerate(names)
    ]


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
