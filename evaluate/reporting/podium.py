"""Podiums as SVG: in every case, who came first, second, third; after Wiesenfarth et al. 2021."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluate.reporting.quantities import Quantity, clipped, count_of
from evaluate.reporting.svg import Axis, circle, drawing, element, line, number, text

MOST_ON_PODIUM = 8
"""Of more teams neither colours nor lines can be told apart."""

_MOST_LINES = 80
MOST_ON_NARROW_PODIUM = 4
"""Of more teams the steps need the page's whole width."""

_LEFT, _TOP, _HEIGHT, _BARS = 42.0, 38.0, 170.0, 70.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PodiumCase:
    """One case: the value of each team (None where it failed or was not scored), and its place."""

    case: str
    values: tuple[float | None, ...]
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """Where things stand: a step a place, and on every step a column a team."""

    teams: Sequence[str]
    y: Axis

    @property
    def width(self) -> float:
        return 360.0 if len(self.teams) <= MOST_ON_NARROW_PODIUM else 640.0

    @property
    def step(self) -> float:
        return (self.width - _LEFT) / len(self.teams)

    @property
    def column(self) -> float:
        return self.step * 0.84 / len(self.teams)

    def x(self, place: int, team: int) -> float:
        """The middle of a team's column on the step of a place."""
        return _LEFT + (place - 1) * self.step + self.step * 0.08 + self.column * (team + 0.5)


def podium_chart(
    teams: Sequence[str], cases: Sequence[PodiumCase], quantity: Quantity, *, name: str, title: str
) -> Markup:
    """A step for each place: above it the cases' values, below it how often each team took it.

    On every step the teams stand side by side in the ranking's order, so that colour is not
    needed to tell them apart. A line joins the teams of one case; of many cases, only every
    second, third ... is drawn, but all are counted.
    """
    known = [value for case in cases for value in case.values if value is not None]
    y = Axis.around(
        known, start=_TOP + _HEIGHT, end=_TOP + 6, is_log=not quantity.is_score,
        is_score=quantity.is_score,
    )  # fmt: skip
    stage, floor = _Stage(teams=teams, y=y), _TOP + _HEIGHT + 10 + _BARS
    shown = cases[:: -(-len(cases) // _MOST_LINES)]
    parts = [*_frame(stage, quantity, floor), *(_joined(case, stage) for case in shown)]
    for at, team in enumerate(teams):
        parts.append(_team(at, team, shown, stage, quantity))
        parts.append(_bars(at, team, cases, stage, floor))
    firsts = "; ".join(
        f"{clipped(team, 60)} first in {count_of(sum(c.places[at] == 1 for c in cases), 'case')}"
        for at, team in enumerate(teams)
    )
    return drawing(
        *parts, name=name, title=title, description=f"{firsts}, of {len(cases):,}.",
        width=stage.width, height=floor + 18 + 20 * -(-len(teams) // 2),
    )  # fmt: skip


def _frame(stage: _Stage, quantity: Quantity, floor: float) -> list[Markup]:
    parts = [text(0, 12, f"{quantity.head}; place within the case", "axis-title")]
    for tick in stage.y.ticks(5):
        parts.append(line(_LEFT, stage.y(tick), stage.width, stage.y(tick), "grid"))
        parts.append(text(_LEFT - 6, stage.y(tick) + 4, f"{tick:,g}", "tick", "end"))
    for place, _ in enumerate(stage.teams, start=1):
        right = _LEFT + place * stage.step
        parts.append(text(right - stage.step / 2, 30, str(place), "place", "middle"))
        parts.append(line(right, _TOP, right, floor, "grid"))
    parts.append(line(_LEFT, floor, stage.width, floor, "axis"))
    parts.append(text(_LEFT - 6, floor - 2, "cases", "tick", "end"))
    return parts


def _joined(case: PodiumCase, stage: _Stage) -> Markup:
    points = sorted(
        (stage.x(place, team), stage.y(value))
        for team, (place, value) in enumerate(zip(case.places, case.values, strict=True))
        if value is not None
    )
    path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return element("path", d=path, class_="case-line") if len(points) > 1 else Markup()


def _team(
    at: int, team: str, cases: Sequence[PodiumCase], stage: _Stage, quantity: Quantity
) -> Markup:
    """One team's dots."""
    dots = []
    for case in cases:
        value = case.values[at]
        if value is not None:
            words = f"{case.case}: {clipped(team, 60)} {quantity.text_with_unit(value)}"
            dots.append(
                element(
                    "circle", element("title", words), cx=stage.x(case.places[at], at),
                    cy=stage.y(value), r=2.6, class_=f"team-{at}", data_case=case.case,
                )
            )  # fmt: skip
    return element("g", *dots, data_team=team)


def _bars(at: int, team: str, cases: Sequence[PodiumCase], stage: _Stage, floor: float) -> Markup:
    """How often one team took each place, and its name below."""
    most = max(
        sum(case.places[other] == place for case in cases)
        for other, _ in enumerate(stage.teams)
        for place, _ in enumerate(stage.teams, start=1)
    )
    parts = []
    for place, _ in enumerate(stage.teams, start=1):
        count = sum(case.places[at] == place for case in cases)
        if count:
            words = f"{clipped(team, 60)}: place {place} in {count_of(count, 'case')}"
            tall, x = (_BARS - 16) * count / most, stage.x(place, at)
            bar = element(
                "rect", x=x - stage.column * 0.42, y=floor - tall, width=stage.column * 0.84,
                height=tall, class_=f"team-{at}",
            )  # fmt: skip
            label = text(x, floor - tall - 3, str(count), "small", "middle")
            parts.append(element("g", element("title", words), bar, label))
    left, top = _LEFT + (at % 2) * (stage.width - _LEFT) / 2, floor + 24 + 20 * (at // 2)
    parts.append(circle(left + 6, top - 4, 5, f"team-{at}"))
    parts.append(text(left + 18, top, clipped(team, 20), "team small"))
    return element("g", *parts, data_team=team)
