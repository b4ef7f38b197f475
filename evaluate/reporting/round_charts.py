"""How teams do from round to round of an interactive challenge."""

import math
import statistics
from collections.abc import Mapping

from markupsafe import Markup

from evaluate.facts.scores import RoundScore
from evaluate.reporting.figures import Figure
from evaluate.reporting.quantities import Quantity, clipped, count_of
from evaluate.reporting.run_sources import Sources
from evaluate.reporting.svg import Axis, circle, drawing, element, line, number, text

_LINES = ("path first", "path second", "path third")
_TIME = "wall_s"
_Z = 1.96  # of a 95 % interval


def round_figures(sources: Sources) -> tuple[Figure, ...]:
    """A figure for each metric of masks, and for time; none where a protocol has one round."""
    names = (*sources.protocol.scoring.names, _TIME) if sources.rounds else ()
    known = {name for row in sources.rounds for name in names if _value(row, name) is not None}
    return tuple(_figure(sources, sources.quantities[name]) for name in names if name in known)


def _value(row: RoundScore, metric: str) -> float | None:
    return row.wall_s if metric == _TIME else row.values.get(metric)


def _figure(sources: Sources, quantity: Quantity) -> Figure:
    means = {team: _means(sources.rounds, team, quantity.name) for team in sources.teams}
    lacking = len({row.case for row in sources.rounds}) - len(
        {row.case for row in sources.rounds if row.round == 0}
    )
    skipped = f" {count_of(lacking, 'case')} began with round 1." if lacking else ""
    return Figure(
        name=f"rounds-{quantity.name}",
        title=f"{quantity.title} by round",
        drawing=_chart(means, quantity),
        reading="Means over all cases that have the round, failed ones with what a failure costs;"
        f" a bar is the 95 % interval of the mean over cases.{skipped}",
        is_broad=False,
    )


def _means(rows: tuple[RoundScore, ...], team: str, metric: str) -> dict[int, tuple[float, float]]:
    """By round: the mean, and half of its interval."""
    values: dict[int, list[float]] = {}
    for row in rows:
        value = _value(row, metric)
        if row.team == team and value is not None:
            values.setdefault(row.round, []).append(value)
    return {
        number: (
            statistics.fmean(of_round),
            _Z * statistics.stdev(of_round) / math.sqrt(len(of_round))
            if len(of_round) > 1
            else 0.0,
        )
        for number, of_round in sorted(values.items())
    }


def _chart(means: Mapping[str, Mapping[int, tuple[float, float]]], quantity: Quantity) -> Markup:
    rounds = sorted({number for of_team in means.values() for number in of_team})
    everything = [mean for of_team in means.values() for mean, _ in of_team.values()] or [0.0]
    width, height, left, top = 480.0, 260.0, 46.0, 16.0
    right, bottom = width - 150, height - 30
    y = Axis.around(everything, start=bottom, end=top, is_log=False, is_score=quantity.is_score)
    x = Axis(low=rounds[0], high=max(rounds[-1], rounds[0] + 1), start=left + 14, end=right)
    parts = []
    for tick in y.ticks(5):
        parts.append(text(left - 6, y(tick) + 4, f"{tick:g}", "tick", "end"))
        parts.append(line(left, y(tick), right + 8, y(tick), "grid"))
    parts += [text(x(tick), bottom + 18, str(tick), "tick", "middle") for tick in rounds]
    heights = _apart({t: y(of[max(of)][0]) for t, of in means.items() if of})
    for place, (team, of_team) in reversed(list(enumerate(means.items()))):
        if not of_team:
            continue
        kind = _LINES[place] if place < len(_LINES) else "path"
        shift = 3.0 * (place - (len(means) - 1) / 2) if len(means) <= 5 else 0.0
        points = [(x(at) + shift, y(mean), half) for at, (mean, half) in of_team.items()]
        path = "M" + "L".join(f"{number(a)} {number(b)}" for a, b, _ in points)
        own = [element("path", element("title", clipped(team, 60)), d=path, class_=kind)]
        for (at, middle, _), (mean, half) in zip(points, of_team.values(), strict=True):
            own.append(line(at, y(mean - half), at, y(mean + half), "path"))
            own.append(circle(at, middle, 3, "stop"))
        own.append(text(right + 14, heights[team] + 4, clipped(team, 18), "team small"))
        parts.append(element("g", *own, data_team=team))
    said = "; ".join(
        f"{clipped(team, 60)} from {quantity.text(of_team[min(of_team)][0])}"
        f" to {quantity.text(of_team[max(of_team)][0])}"
        for team, of_team in means.items()
        if of_team
    )
    return drawing(
        *parts, name=f"rounds-{quantity.name}", title=f"{quantity.title} by round",
        description=f"From the first to the last round: {said}.", width=width, height=height,
    )  # fmt: skip


def _apart(heights: Mapping[str, float]) -> dict[str, float]:
    """Lowered so that no name covers another."""
    placed: dict[str, float] = {}
    lowest = -math.inf
    for team, height in sorted(heights.items(), key=lambda item: item[1]):
        lowest = placed[team] = max(height, lowest + 14)
    return placed
