"""Whether another way to rank gives another order: places under each method, and Kendall's tau."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from evaluate.reporting.quantities import QUANTITIES, clipped, count_of
from evaluate.reporting.robustness import TauSpread
from evaluate.reporting.shared_grids import MANY_TEAMS
from evaluate.reporting.svg import Axis, circle, drawing, element, line, number, text

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
