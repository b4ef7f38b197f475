"""A paper's table, checked by itself: ranges, averages, copies, ranks.

Nothing that rounding explains is called wrong; what the printed digits can't decide is a note.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from data_manifest.findings import Finding, Severity
from evaluate.documents.printed_table import (
    MEAN_RANK,
    PrintedCell,
    PublishedTable,
    is_score,
)
from evaluate.documents.published import TableVerdict
from metrics import METRICS

_BY_CHANCE = {"line": 1e-5, "column": 1e-8}
"""What is less likely than this is no chance; columns go together more than rows."""
_Ends: TypeAlias = tuple[float, float]
_Key: TypeAlias = tuple[object, ...]
_Line: TypeAlias = tuple[PrintedCell, list[PrintedCell]]
"""A printed average, and what it should be of."""
_Told: TypeAlias = Iterator[Finding]


def note(found: str, severity: Severity = Severity.NOTE) -> Finding:
    """What is unknown; or, with `OK`, right."""
    return Finding(where="the table", found=found, severity=severity)


def check_alone(table: PublishedTable) -> TableVerdict:
    """Check a table by itself."""
    known = [cell for cell in table.cells if cell.metric in METRICS]
    averaged = _averaged(table.cells)
    told = [*_ranges(known), *_copies(table.cells), *(_ranks(table) if table.ranks else ())]
    for lines in averaged.values():
        told += _averages(table.counts, lines)
    for metric in (METRICS[name] for name in dict.fromkeys(cell.metric for cell in known)):
        if metric.has_variants:
            text = f"{metric.title}: of which definition is not known. {metric.definition}"
            told.append(note(text))
    told += [note(f"{name}: not looked at") for name in table.skipped]
    there = {"range": known, "averages": averaged, "ranks": table.ranks}
    return TableVerdict(checked=tuple(name for name in there if there[name]), told=tuple(told))


def _ranges(cells: Sequence[PrintedCell]) -> _Told:
    for cell in cells:
        score = is_score(cell.metric)
        middle = np.median([c.value for c in cells if c.column == cell.column])
        said = ""
        if (cell.high < 0 and not METRICS[cell.metric].is_signed) or (score and cell.low > 1):
            said = "0 to 1, or 0 to 100 %" if score else "not below 0"
        elif score and cell.factor < 1 and 0 < cell.value <= 0.01 < middle / 10:
            said = "one scale in a column, and half of this one is above 10 %"
        if said:
            yield Finding(code="range", where=cell.where, found=cell.text, expected=said)


def _averaged(cells: Sequence[PrintedCell]) -> dict[_Key, list[_Line]]:
    """Averages over the modalities of a team, each with its values, by what is averaged alike.

    DSC and NSD of one table are averaged in one way, so that they are judged together.
    """
    groups: dict[_Key, list[_Line]] = {}
    for cell in (c for c in cells if c.modality is None):
        mine = [c for c in cells if (c.team, c.metric) == (cell.team, cell.metric)]
        parts = sorted((c for c in mine if c.modality), key=lambda c: str(c.modality))
        nth = [c.column for c in mine if c.modality is None].index(cell.column)
        key = (is_score(cell.metric) or cell.metric, nth, *(c.modality for c in parts))
        if len(parts) > 1:
            groups.setdefault(key, []).append((cell, parts))
    return groups


def _averages(counts: Mapping[str, float], lines: Sequence[_Line]) -> _Told:
    """One way for all of them, or the ones that the best does not give."""
    ways: dict[str, Callable[[list[float]], float]] = {
        "plain mean (macro)": np.mean,
        "median": np.median,
    }
    weights = [counts[name] for name in sorted(counts)]
    is_counted = [c.modality for c in lines[0][1]] == sorted(counts) and sum(weights) > 0
    if is_counted:
        ways["mean weighted by cases (micro)"] = lambda v: float(np.average(v, weights=weights))
    misfits = {
        way: [
            (cell, parts)
            for cell, parts in lines
            if not cell.holds(call([p.low for p in parts]), call([p.high for p in parts]))
        ]
        for way, call in ways.items()
    }
    best = min(misfits, key=lambda way: len(misfits[way]))
    metrics = " and ".join(dict.fromkeys(cell.metric.upper() for cell, _ in lines))
    what = f"average {metrics} over {len(lines[0][1])} modalities"
    if not misfits[best]:
        yield note(f"{what}: the {best} of what it is of", Severity.OK)
    for cell, parts in misfits[best]:
        ends = min(p.low for p in parts), max(p.high for p in parts)
        if not is_counted and cell.holds(*ends):
            yield note(f"{cell.where}: {what}: no mean of the printed values, unless weighted")
            continue
        right = (f"{way} {cell.as_printed(c([p.value for p in parts]))}" for way, c in ways.items())
        where, said = f"{cell.where}: {what}", ", ".join(right)
        yield Finding(code="average", where=where, found=cell.text, expected=said)


def _copies(cells: Sequence[PrintedCell]) -> _Told:
    for along, across in (("line", "column"), ("column", "line")):
        groups: dict[object, dict[object, PrintedCell]] = {}
        for cell in cells:
            groups.setdefault(getattr(cell, along), {})[getattr(cell, across)] = cell
        for (one, a), (other, b) in itertools.combinations(groups.items(), 2):
            same = len(a) >= 3 and a.keys() == b.keys() and all(a[i].value == b[i].value for i in a)
            # A median is a copy of one of its values, and an average of one modality is too.
            averages = len({c.modality is None for c in (*a.values(), *b.values())}) > 1
            if not same or (along == "column" and averages):
                continue
            if math.prod(_chance(c, cells) for c in a.values()) < _BY_CHANCE[along]:
                where, found = f"{along} {other}", f"the same {len(a)} values as {along} {one}"
                yield Finding(code="copy", where=where, found=found, expected="values of its own")


def _chance(cell: PrintedCell, cells: Sequence[PrintedCell]) -> float:
    """That another of its column is the same; failures always may be."""
    spread = np.ptp([c.value for c in cells if c.column == cell.column])
    is_failed = spread <= 0 or cell.value in (0.0, 1.0)
    return 1.0 if is_failed else min(1.0, 2 * (cell.high - cell.low) / spread)


def _costs(cells: Sequence[PrintedCell]) -> dict[str, dict[str, _Ends]]:
    """By metric: each team's overall value, or the mean of those by modality; lower is better."""
    costs: dict[str, dict[str, _Ends]] = {}
    for name, team in dict.fromkeys((c.metric, c.team) for c in cells):
        mine = [c for c in cells if (c.team, c.metric) == (team, name)]
        mine = [c for c in mine if c.modality is None] or mine
        ends = np.mean([(c.low, c.high) for c in mine], axis=0)
        falls = name == MEAN_RANK or METRICS[name].direction == "lower"
        low, high = ends if falls else -ends[::-1]
        costs.setdefault(name, {})[team] = float(low), float(high)
    return costs


def _is_behind(cost: _Ends, of: _Ends) -> bool:
    """Whether it is the worse one, whatever was rounded: two prints that touch are no tie."""
    return sum(cost) > sum(of) and cost[0] > of[1] - 1e-3 * (of[1] - of[0])


def _ranks(table: PublishedTable) -> _Told:
    """What the ranks follow from, or the pairs that are against every metric."""
    ranks, costs = table.ranks, _costs(table.cells)
    tried = dict(costs)
    if len(costs) > 1:
        tried["the mean of the ranks by each metric"] = {
            t: (
                sum(sum(_is_behind(c[t], c[o]) for o in c) + 0.999 for c in costs.values()),
                sum(sum(not _is_behind(c[o], c[t]) for o in c) + 0.001 for c in costs.values()),
            )
            for t in set.intersection(*map(set, costs.values()))
        }
    pairs = [p for p in itertools.permutations(ranks, 2) if ranks[p[0]] < ranks[p[1]]]
    against = {
        name: {(a, b) for a, b in pairs if {a, b} <= cost.keys() and _is_behind(cost[a], cost[b])}
        for name, cost in tried.items()
    }
    by = next((name for name, wrong in against.items() if not wrong), None)
    wrong = set.intersection(*(against[name] for name in costs)) if costs and not by else set()
    if by or not wrong:
        text = f"follow from {by}" if by else "follow from no one metric, or from ranks by case"
        yield note(f"ranks: {text}", Severity.OK if by else Severity.NOTE)
    for place in sorted(set(ranks.values())):
        before = sum(other < place for other in ranks.values())
        alike = sum(other == place for other in ranks.values())
        dense = len({other for other in ranks.values() if other < place}) + 1
        if not (before < place <= before + alike or place == dense):
            yield note(f"ranks: {place:g}, and {before} before it: are all teams in the table?")
    for a, b in sorted(wrong):
        where, found = f"ranks: {a} before {b}", f"{ranks[a]:g} and {ranks[b]:g}"
        said = "the other order, by every metric"
        yield Finding(code="rank", where=where, found=found, expected=said)
