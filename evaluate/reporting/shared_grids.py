"""Figures with a row a team and a column a place or team: blobs, heat map, significance map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluate.reporting.quantities import clipped, percent
from evaluate.reporting.robustness import PairTests
from evaluate.reporting.svg import circle, drawing, element, line, number, text

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
