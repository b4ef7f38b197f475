"""Whether printed ranks follow from printed values."""

import itertools
from collections.abc import Iterator, Mapping

from evaluate.auditing.published_table import PublishedTable
from evaluate.auditing.table_findings import TableFinding
from metrics import METRICS

__all__ = ["rank_findings"]

# A team's value as an interval in which lower is better.
_Costs = Mapping[str, tuple[float, float]]


def rank_findings(table: PublishedTable) -> tuple[list[TableFinding], list[str], list[str]]:
    """Findings, what holds, and notes about every column of ranks."""
    findings: list[TableFinding] = []
    holds: list[str] = []
    notes: list[str] = []
    for metric, ranks in table.ranks.items():
        named = f"ranks by {metric}" if metric else "ranks"
        orders = _orders(table)
        if metric:
            orders = {k: v for k, v in orders.items() if k == metric}
        elif table.mean_ranks:
            orders = {"the mean rank": {t: (p.low, p.high) for t, p in table.mean_ranks.items()}}
        elif len(orders) > 1:
            orders["the mean of the ranks by each metric"] = _mean_ranks(orders)
        against = {name: list(_contradicted(ranks, costs)) for name, costs in orders.items()}
        if not against:
            notes.append(f"{named}: the table has no values to check them by")
            continue
        fitting = [name for name, pairs in against.items() if not pairs]
        if fitting:
            holds.append(f"{named}: follow from {fitting[0]}")
            continue
        if len(orders) == 1:
            (name, pairs), *_ = against.items()
        else:
            name, pairs = "every metric", _in_all(ranks, _orders(table))
        if pairs:
            findings += [
                TableFinding(
                    kind="rank",
                    where=f"{named}: {better} before {worse}",
                    printed=f"{ranks[better]:g} and {ranks[worse]:g}",
                    expected=f"the other order, by {name}",
                )
                for better, worse in pairs
            ]
        else:
            nearest = min(against, key=lambda key: len(against[key]))
            said = ", ".join(f"{a} before {b}" for a, b in against[nearest][:3])
            notes.append(
                f"{named}: follow from no one metric, nor from the mean of their ranks; nearest is"
                f" {nearest}, but for {said}; ranks by case can't be checked from a table"
            )
    return findings, holds, notes


def _orders(table: PublishedTable) -> dict[str, _Costs]:
    """By metric: its overall values, or the means of those by modality."""
    orders: dict[str, _Costs] = {}
    for metric in dict.fromkeys(c.metric for c in table.cells):
        sign = 1.0 if metric in METRICS and METRICS[metric].direction == "lower" else -1.0
        costs: dict[str, tuple[float, float]] = {}
        for team in table.teams:
            mine = [c for c in table.cells if (c.team, c.metric) == (team, metric)]
            chosen = [c for c in mine if c.modality is None] or mine
            if chosen:
                low = sum(c.printed.low for c in chosen) / len(chosen)
                high = sum(c.printed.high for c in chosen) / len(chosen)
                costs[team] = (sign * low, sign * high) if sign > 0 else (-high, -low)
        orders[metric or "the values"] = costs
    return orders


def _mean_ranks(orders: Mapping[str, _Costs]) -> _Costs:
    """Of each team: between which values its ranks by the metrics average."""
    teams = set.intersection(*(set(costs) for costs in orders.values()))
    found = {}
    for team in teams:
        ends = [
            (
                1 + sum(costs[o][1] < costs[team][0] for o in teams),
                1 + sum(costs[o][0] <= costs[team][1] for o in teams - {team}),
            )
            for costs in orders.values()
        ]
        low, high = (sum(end[i] for end in ends) / len(ends) for i in (0, 1))
        found[team] = (low, high)
    return found


def _contradicted(ranks: Mapping[str, float], costs: _Costs) -> Iterator[tuple[str, str]]:
    """Pairs of which the first has the better rank and surely the worse value."""
    known = [team for team in ranks if team in costs]
    for a, b in itertools.permutations(known, 2):
        if ranks[a] < ranks[b] and costs[a][0] > costs[b][1]:
            yield a, b


def _in_all(ranks: Mapping[str, float], orders: Mapping[str, _Costs]) -> list[tuple[str, str]]:
    """Pairs that every metric contradicts."""
    pairs = [set(_contradicted(ranks, costs)) for costs in orders.values()]
    return sorted(set.intersection(*pairs)) if pairs else []
