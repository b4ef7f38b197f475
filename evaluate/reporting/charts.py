"""Two charts as SVG: places with their intervals, and accuracy against runtime.

Colours and line styles are classes of the page's style sheet: charts follow light and dark.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluate.documents.team_comparison import TeamComparison, Trade
from evaluate.reporting.quantities import QUANTITIES, Quantity, clipped, percent
from evaluate.reporting.svg import Axis, circle, drawing, element, line, number, text


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRow:
    """One team's row of the first picture."""

    team: str
    rank: float
    mean_rank: float
    interval: tuple[float, float] | None
    shares: Mapping[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimePoint:
    """One team in accuracy against runtime."""

    team: str
    rank_text: str
    score: float
    seconds: float


def standing_chart(rows: Sequence[PlaceRow], *, description: str) -> Markup:
    """Places from 1 on, a row a team: the place, its interval, and how often each place came."""
    step, left, right, top = 40.0, 168.0, 74.0, 40.0
    width, height = 520.0, top + step * len(rows) + 6
    resampled = any(row.interval for row in rows)
    last = max(2.0, *(max(row.rank, row.mean_rank, *(row.interval or (1,))) for row in rows))
    x = Axis(low=1.0, high=last, start=left + 14, end=width - right - 14)
    parts = [
        text(x.start, 13, "place" if resampled else "mean rank", "axis-title", "middle"),
        text(width, 13, "mean rank", "axis-title", "end"),
    ]
    for tick in [1.0, *x.ticks(6)]:
        if tick == int(tick) and (tick == 1 or x(tick) - x(1) > 20):
            parts.append(text(x(tick), 30, number(tick), "tick", "middle"))
            parts.append(line(x(tick), top, x(tick), height - 6, "grid"))
    for position, row in enumerate(rows):
        parts.append(_standing_row(row, x, top + step * (position + 0.5), width, resampled))
    title = "Places and how sure they are" if resampled else "Mean ranks"
    return drawing(
        *parts, name="standing", title=title, description=description, width=width, height=height
    )


def _standing_row(row: PlaceRow, x: Axis, y: float, width: float, resampled: bool) -> Markup:
    parts = [
        element("title", _standing_words(row)),
        text(0, y + 5, number(row.rank), "place"),
        text(24, y + 5, clipped(row.team, 19), "team"),
        text(width, y + 5, f"{row.mean_rank:.2f}", "value", "end"),
    ]
    if not resampled:
        parts.append(line(x(1), y, x(row.mean_rank), y, "interval"))
        parts.append(circle(x(row.mean_rank), y, 6, "mark"))
        return element("g", *parts, data_team=row.team)
    for place, share in row.shares.items():
        if place <= x.high:
            parts.append(circle(x(place), y, max(1.5, 15 * share**0.5), "blob"))
    if row.interval:
        low, high = row.interval
        parts.append(line(x(low), y, x(high), y, "interval"))
        parts += [line(x(end), y - 6, x(end), y + 6, "interval") for end in {low, high}]
    parts.append(circle(x(row.rank), y, 5.5, "mark"))
    return element("g", *parts, data_team=row.team)


def _standing_words(row: PlaceRow) -> str:
    words = f"{clipped(row.team, 60)}: place {number(row.rank)}, mean rank {row.mean_rank:.2f}"
    if row.interval:
        words += f", 95 % interval {number(row.interval[0])} to {number(row.interval[1])}"
    if 1 in row.shares:
        words += f", first in {percent(row.shares[1])} of the resamples"
    return words


def pareto_front(points: Sequence[RuntimePoint]) -> list[RuntimePoint]:
    """Teams that no other team beats in both, from fast to slow.

    A team is beaten if another is at least as good in both and better in one.
    """
    front: list[RuntimePoint] = []
    for point in sorted(points, key=lambda p: (p.seconds, -p.score)):
        best = front[-1].score if front else -1.0
        same = bool(front) and point.score == best and point.seconds == front[-1].seconds
        if point.score > best or same:
            front.append(point)
    return front


def time_and_score_plane(
    x: Axis, y: Axis, *, height: float, score: Quantity, time: Quantity
) -> list[Markup]:
    """Titles, grid and ticks of accuracy (up) against runtime (across)."""
    parts = [
        text(x.end, height - 6, f"mean time per case, {time.unit} (log axis)", "axis-title", "end"),
        text(4, 12, f"mean {score.title}", "axis-title"),
    ]
    for tick in x.ticks(7):
        parts.append(line(x(tick), y.start, x(tick), y.end, "grid"))
        parts.append(text(x(tick), y.start + 20, f"{tick:g}", "tick", "middle"))
    for tick in y.ticks(6):
        parts.append(line(x.start, y(tick), x.end, y(tick), "grid"))
        parts.append(text(x.start - 8, y(tick) + 4, f"{tick:.2f}", "tick", "end"))
    return parts


def runtime_chart(
    points: Sequence[RuntimePoint], *, score: Quantity, time: Quantity, description: str
) -> Markup:
    """Mean score over mean time (log axis), with the Pareto front as stairs."""
    width, height = 560.0, 380.0
    x = Axis.around(
        [p.seconds for p in points], start=58, end=width - 24, is_log=True, is_score=False
    )
    y = Axis.around(
        [p.score for p in points], start=height - 56, end=32, is_log=False, is_score=True
    )
    parts = time_and_score_plane(x, y, height=height, score=score, time=time)
    front = pareto_front(points)
    parts.append(_stairs(front, x, y))
    on_front = {p.team for p in front}
    taken: list[tuple[float, float, float, float]] = [
        (x(p.seconds) - 11, y(p.score) - 11, x(p.seconds) + 11, y(p.score) + 11) for p in points
    ]
    for point in sorted(points, key=lambda p: (p.team not in on_front, p.rank_text)):
        at = x(point.seconds), y(point.score)
        mark = _runtime_mark(point, at, point.team in on_front, score, time)
        label = _label_beside(clipped(point.team, 22), at, width, taken)
        parts.append(element("g", mark, label, data_team=point.team))
    title = f"{score.title} against runtime"
    return drawing(
        *parts, name="runtime", title=title, description=description, width=width, height=height
    )


def _stairs(front: Sequence[RuntimePoint], x: Axis, y: Axis) -> Markup:
    first = front[0]
    path = f"M{number(x(first.seconds))} {number(y.start)}V{number(y(first.score))}"
    for point in front[1:]:
        path += f"H{number(x(point.seconds))}V{number(y(point.score))}"
    return element("path", d=f"{path}H{number(x.end)}", class_="front")


def _runtime_mark(
    point: RuntimePoint, at: tuple[float, float], on_front: bool, score: Quantity, time: Quantity
) -> Markup:
    words = (
        f"{clipped(point.team, 60)}: {score.title} {score.text(point.score)},"
        f" {time.text_with_unit(point.seconds)}"
    )
    return element(
        "g",
        element("title", words + (" (on the front)" if on_front else "")),
        circle(at[0], at[1], 10, "mark" if on_front else "mark hollow"),
        text(at[0], at[1] + 4, point.rank_text, "in-mark" if on_front else "in-hollow", "middle"),
    )


def _label_beside(
    name: str, at: tuple[float, float], width: float, taken: list[tuple[float, float, float, float]]
) -> Markup:
    """The team's name where it covers nothing; none where there is no room (the number stays)."""
    long = len(name) * 9
    right, left = (at[0] + 15, "start"), (at[0] - 15, "end")
    for rise in (4.5, -11, 20):
        for start, anchor in (right, left):
            x0 = start if anchor == "start" else start - long
            box = (x0, at[1] + rise - 12, x0 + long, at[1] + rise + 4)
            inside = x0 >= 60 and x0 + long <= width and box[1] >= 0
            clear = all(
                box[2] < t[0] or box[0] > t[2] or box[3] < t[1] or box[1] > t[3] for t in taken
            )
            if inside and clear:
                taken.append(box)
                return text(start, at[1] + rise, name, "team", anchor)
    return Markup()


def trade_chart(comparison: TeamComparison, trade: Trade, *, name: str) -> Markup:
    """Mean DSC over mean time (log axis): A hollow, B full, a dot for each of the resamples."""
    width, height = 560.0, 380.0
    seconds = [trade.wall_s_a, trade.wall_s_b, *(t for t, _ in (*trade.cloud_a, *trade.cloud_b))]
    scores = [trade.dsc_a, trade.dsc_b, *(d for _, d in (*trade.cloud_a, *trade.cloud_b))]
    x = Axis.around(seconds, start=58, end=width - 24, is_log=True, is_score=False)
    y = Axis.around(scores, start=height - 56, end=32, is_log=False, is_score=True)
    dsc, time = QUANTITIES["dsc"], QUANTITIES["wall_s"]
    parts = time_and_score_plane(x, y, height=height, score=dsc, time=time)
    parts += [circle(x(t), y(d), 2.2, "dot hollow") for t, d in trade.cloud_a]
    parts += [circle(x(t), y(d), 2.2, "cell share-8") for t, d in trade.cloud_b]
    for letter, label, t, d, kind in (
        ("A", comparison.a.label, trade.wall_s_a, trade.dsc_a, "hollow"),
        ("B", comparison.b.label, trade.wall_s_b, trade.dsc_b, ""),
    ):
        words = f"{letter}, {clipped(label, 60)}: {dsc.title} {dsc.text(d)}, "
        mark = element(
            "g",
            element("title", words + time.text_with_unit(t)),
            circle(x(t), y(d), 10, f"mark {kind}".strip()),
            text(x(t), y(d) + 4, letter, "in-hollow" if kind else "in-mark", "middle"),
        )
        parts.append(mark)
    return drawing(
        *parts,
        name=name,
        title="Accuracy against runtime",
        description=(
            f"A, {clipped(comparison.a.label, 60)}: {dsc.text(trade.dsc_a)} in"
            f" {time.text_with_unit(trade.wall_s_a)}; B, {clipped(comparison.b.label, 60)}:"
            f" {dsc.text(trade.dsc_b)} in {time.text_with_unit(trade.wall_s_b)}. B is at least as"
            f" good in both in {percent(trade.b_dominates)} of the resamples, A in"
            f" {percent(trade.a_dominates)}."
        ),
        width=width,
        height=height,
    )
