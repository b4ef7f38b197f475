"""The figures that show single cases: dots over boxes, and podiums."""

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
from evaluate.reporting.spreads import Dot, Spread, spread_chart
from evaluate.reporting.standings import shown_quantities

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
