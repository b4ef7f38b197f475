"""Figures with a row a team and a column a place or team: blobs, heat map, significance map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluate.reporting.quantities import QUANTITIES, clipped, count_of, percent
from evaluate.reporting.robustness import PairTests, TauSpread
from evaluate.reporting.svg import Axis, circle, drawing, element, line, number, text

MANY_TEAMS = 12
"""Of more teams, figures are drawn close, and wider than a phone."""

_MOST_NOTES = 30
"""Of more teams, the cells have no notes of their own: the page would grow by megabytes."""
_LEVELS = 8
_LABELS = 176.0
_TOP = 38.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Rows of teams and as many columns, all squares of one size."""

    teams: Sequence[str]

    @property
    def is_close(self) -> bool:
        return len(self.teams) > MANY_TEAMS

    @property
    def pitch(self) -> float:
        return 15.0 if self.is_close else 32.0

    @property
    def width(self) -> float:
        return max(_LABELS + self.pitch * len(self.teams) + 4, 360.0)

    @property
    def height(self) -> float:
        return _TOP + self.pitch * len(self.teams) + 4

    def x(self, column: int) -> float:
        """Middle of a column, from 1."""
        return _LABELS + (column - 0.5) * self.pitch

    def y(self, row: int) -> float:
        """Middle of a row, from 1."""
        return _TOP + (row - 0.5) * self.pitch

    def square(self, column: int, row: int, class_: str, note: str) -> Markup:
        """A filled cell; its note is left out of a picture of many teams."""
        side = self.pitch - 1
        return element(
            "rect", *self.note(note), x=self.x(column) - side / 2, y=self.y(row) - side / 2,
            width=side, height=side, class_=class_,
        )  # fmt: skip

    def frame(self, head: str) -> list[Markup]:
        """Names, numbers of the columns, and lines."""
        size = " small" if self.is_close else ""
        last = len(self.teams)
        parts = [text(_LABELS, 12, head, "axis-title")]
        for at in range(1, last + 1):
            if not self.is_close or at == 1 or at % 5 == 0:
                parts.append(text(self.x(at), _TOP - 8, str(at), "tick", "middle"))
                parts.append(line(self.x(at), _TOP, self.x(at), self.height - 4, "grid"))
            parts.append(line(_LABELS, self.y(at), self.x(last), self.y(at), "grid"))
        for row, team in enumerate(self.teams, start=1):
            name = clipped(team, 21 if self.is_close else 17)
            place = text(18, self.y(row) + 4, str(row), f"tick{size}", "end")
            parts.append(self.row(team, [place, text(26, self.y(row) + 4, name, f"team{size}")]))
        return parts

    def row(self, team: str, parts: Sequence[Markup]) -> Markup:
        """What belongs to one team, so that a page can pick it out."""
        return element("g", *parts, data_team=team)

    def note(self, words: str) -> list[Markup]:
        """A note that shows when it is pointed at; none where there are many teams."""
        return [element("title", words)] if len(self.teams) <= _MOST_NOTES else []

    def drawn(self, parts: Sequence[Markup], name: str, title: str, description: str) -> Markup:
        return drawing(
            *parts, name=name, title=title, description=description,
            width=self.width, height=self.height,
        )  # fmt: skip


def blob_chart(
    shares: Mapping[str, Mapping[int, float]], *, name: str, title: str, by_what: str, of: str
) -> Markup:
    """How often each team took each place, as the areas of circles; the largest fills its cell."""
    grid = _Grid(teams=list(shares))
    parts = grid.frame(by_what)
    largest = max((share for places in shares.values() for share in places.values()), default=1.0)
    for row, (team, places) in enumerate(shares.items(), start=1):
        blobs = []
        for place, share in sorted(places.items()):
            if share > 0 and 1 <= place <= len(shares):
                words = f"{clipped(team, 60)}: place {place} in {percent(share)} of the {of}"
                radius = max(1.2, grid.pitch * 0.48 * (share / largest) ** 0.5)
                blob = circle(grid.x(place), grid.y(row), radius, "cell share-8")
                blobs.append(element("g", *grid.note(words), blob) if grid.note(words) else blob)
        parts.append(grid.row(team, blobs))
    return grid.drawn(parts, name, title, _most_frequent(shares))


def place_heat_map(shares: Mapping[str, Mapping[int, float]]) -> Markup:
    """The same shares of the protocol's own ranking as a table of coloured cells with numbers."""
    grid = _Grid(teams=list(shares))
    parts = grid.frame("place, in % of the resamples")
    for row, (team, places) in enumerate(shares.items(), start=1):
        cells = []
        for place, share in sorted(places.items()):
            if share > 0 and 1 <= place <= len(shares):
                words = f"{clipped(team, 60)}: place {place} in {percent(share)} of the resamples"
                # By the root: of many teams each place is rare, and would be too pale to see.
                level = round(share**0.5 * _LEVELS)
                cells.append(grid.square(place, row, f"cell share-{level}", words))
                if not grid.is_close:
                    inside = number(round(share * 100)) if share >= 0.005 else "<1"
                    label = text(grid.x(place), grid.y(row) + 4, inside, "small", "middle")
                    cells.append(label)
        parts.append(grid.row(team, cells))
    title = "Rank heat map of the resamples"
    return grid.drawn(parts, "rank-heat", title, _most_frequent(shares))


def _most_frequent(shares: Mapping[str, Mapping[int, float]]) -> str:
    words = []
    for team, places in list(shares.items())[:10]:
        place = min(places, key=lambda at: (-places[at], at))
        words.append(f"{clipped(team, 60)} place {place} ({percent(places[place])})")
    more = f"; {len(shares) - 10} more teams" if len(shares) > 10 else ""
    return f"Most frequent place of each team: {'; '.join(words)}{more}."


def significance_map(teams: Sequence[str], tests: PairTests, *, name: str, title: str) -> Markup:
    """Who beats whom: filled where the row's team is better by the test than the column's."""
    grid = _Grid(teams=teams)
    parts = grid.frame("against team number")
    wins = dict.fromkeys(teams, 0)
    for row, team in enumerate(teams, start=1):
        cells = []
        for column, other in enumerate(teams, start=1):
            pair = f"{clipped(team, 60)} against {clipped(other, 60)}"
            if team == other:
                cells.append(grid.square(column, row, "itself", clipped(team, 60)))
            elif tests.beats(team, other):
                wins[team] += 1
                words = f"{pair}: better, adjusted p {_p(tests.p[team, other])}"
                cells.append(grid.square(column, row, "beats", words))
            elif tests.beats(other, team):
                words = f"{pair}: worse, adjusted p {_p(tests.p[other, team])}"
                mark = line(
                    grid.x(column) - 4, grid.y(row), grid.x(column) + 4, grid.y(row), "beaten"
                )
                cells.append(element("g", *grid.note(words), mark) if grid.note(words) else mark)
        parts.append(grid.row(team, cells))
    said = [f"{clipped(team, 60)} beats {count}" for team, count in list(wins.items())[:10]]
    more = f"; {len(wins) - 10} more teams" if len(wins) > 10 else ""
    return grid.drawn(parts, name, title, f"{'; '.join(said)}{more}.")


def _p(value: float | None) -> str:
    if value is None:
        return "not known"
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


METHOD_TITLES = {
    "": "as ranked here",
    "rank_then_mean": "rank, then mean",
    "rank_then_median": "rank, then median",
    "mean_then_rank": "mean, then rank",
    "median_then_rank": "median, then rank",
    "test_then_rank": "test, then rank",
}
_HIGHLIGHTED = ("first", "second", "third")
_BINS = 60


def method_chart(
    actual: Mapping[str, float], by_method: Mapping[str, Mapping[str, float]]
) -> Markup:
    """A column a method with the teams in its order, and a line for each team across them.

    Teams that share a place stand below each other with the same number, so that no line or name
    covers another.
    """
    columns = {"": actual, **by_method}
    is_close = len(actual) > MANY_TEAMS
    step, left, top, between = (18.0 if is_close else 32.0), 176.0, 46.0, 104.0
    names = 22 if is_close else 18
    right = left + between * (len(columns) - 1)
    width, height = right + 176, top + step * len(actual)
    parts, rows = [], dict[str, dict[str, float]]()
    order = list(actual)
    for position, (method, ranks) in enumerate(columns.items()):
        x = left + between * position
        lowered = sorted(order, key=lambda team: (ranks[team], order.index(team)))
        rows[method] = {team: top + step * (i + 0.5) for i, team in enumerate(lowered)}
        first, _, second = METHOD_TITLES[method].partition(", ")
        parts.append(text(x, 14, first + ("," if second else ""), "tick", "middle"))
        parts.append(text(x, 29, second, "tick", "middle"))
    last = list(columns)[-1]
    for place, team in reversed(list(enumerate(order))):
        points = [(left + between * i, rows[m][team]) for i, m in enumerate(columns)]
        own = [_team_line(team, points, place)]
        for (x, y), ranks in zip(points, columns.values(), strict=True):
            own.append(circle(x, y, 7.5 if is_close else 10, "stop"))
            label = number(ranks[team])
            own.append(text(x, y + 4, label, "small" if is_close else "tick", "middle"))
        size = "team small" if is_close else "team"
        own.append(text(left - 16, rows[""][team] + 4, clipped(team, names), size, "end"))
        own.append(text(right + 16, rows[last][team] + 4, clipped(team, names), size))
        parts.append(element("g", *own, data_team=team))
    description = "; ".join(
        f"{METHOD_TITLES[method]}: {clipped(min(rows[method], key=rows[method].__getitem__), 60)}"
        for method in columns
    )
    return drawing(
        *parts, name="methods", title="Ranks under each method",
        description=f"First under each method: {description}.", width=width, height=height,
    )  # fmt: skip


def _team_line(team: str, points: Sequence[tuple[float, float]], place: int) -> Markup:
    kind = f"path {_HIGHLIGHTED[place]}" if place < len(_HIGHLIGHTED) else "path"
    path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return element("path", element("title", clipped(team, 60)), d=path, class_=kind)


def tau_chart(spreads: Sequence[TauSpread]) -> Markup:
    """For each way to rank, how tau spreads over the resamples, as a violin with its median."""
    step, left, top = 34.0, 176.0, 34.0
    width, height = 560.0, top + step * len(spreads) + 6
    lowest = min(value for spread in spreads for value, _ in spread.values)
    low = -1.0 if lowest < 0 else 0.0 if lowest < 0.5 else 0.5
    x = Axis(low=low, high=1.0, start=left + 10, end=width - 16)
    parts = []
    for tick in x.ticks(5):
        parts.append(text(x(tick), 18, f"{tick:g}", "tick", "middle"))
        parts.append(line(x(tick), top - 8, x(tick), height, "grid"))
    for position, spread in enumerate(spreads):
        y = top + step * (position + 0.5)
        parts.append(_violin(spread, x, y, step * 0.42))
    said = "; ".join(f"{_name(spread)} {spread.median:.2f}" for spread in spreads)
    return drawing(
        *parts, name="tau", title="Kendall’s tau with the ranking in the resamples",
        description=f"Medians: {said}.", width=width, height=height,
    )  # fmt: skip


def _name(spread: TauSpread) -> str:
    if not spread.method:
        return METHOD_TITLES[""]
    metric = QUANTITIES[spread.metric].title if spread.metric in QUANTITIES else spread.metric
    return f"{clipped(metric, 12)}: {METHOD_TITLES[spread.method]}"


def _violin(spread: TauSpread, x: Axis, y: float, half: float) -> Markup:
    counts = [0] * (_BINS + 1)
    for value, count in spread.values:
        counts[round((x(value) - x.start) / (x.end - x.start) * _BINS)] += count
    wide, most = (x.end - x.start) / _BINS / 2, max(counts)
    parts = [text(0, y + 4, _name(spread), "team small")]
    for position, count in enumerate(counts):
        if count:
            middle = x.start + (x.end - x.start) * position / _BINS
            tall = max(1.5, half * (count / most) ** 0.5)
            bar = element(
                "rect", x=middle - wide, y=y - tall, width=2 * wide, height=2 * tall,
                class_="violin",
            )  # fmt: skip
            parts.append(bar)
    parts.append(line(x(spread.median), y - half, x(spread.median), y + half, "median"))
    total = sum(count for _, count in spread.values)
    words = f"{_name(spread)}: median tau {spread.median:.2f} in {count_of(total, 'resample')}"
    if spread.undefined:
        words += f", {spread.undefined:,} without one"
    return element("g", element("title", words), *parts)
