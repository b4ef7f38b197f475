"""A paper's table, checked by itself: ranges, averages, copies, ranks.

Nothing that rounding explains is called wrong; what the printed digits can't decide is a note.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from data_manifest.findings import Finding
from evaluate.auditing.published_tables.printed_numbers import Printed
from evaluate.auditing.published_tables.printed_table import (
    MEAN_RANK,
    PrintedCell,
    PublishedTable,
    is_score,
)
from metrics import METRICS

__all__ = ["TableVerdict", "check_alone"]

_BY_CHANCE = {"line": 1e-5, "column": 1e-8}
"""What is less likely than this is no chance; columns go together more than rows."""
_FEWEST_COPIED = 3
_FRACTION = 0.01
"""In a column in percent, values up to 1 % may be fractions of another scale."""
_NAMES = {"macro": "plain mean (macro)", "micro": "mean weighted by cases (micro)"}

_Ends: TypeAlias = tuple[float, float]
_Line: TypeAlias = tuple[PrintedCell, tuple[Printed, ...]]
"""A printed average, and the values that it should be of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVerdict:
    """What a check of a table found.

    Attributes:
        findings: what is wrong, or open.
        checked: what could be looked at, in a word or a few each.
        holds: what of it is right, in words.
        notes: what could not be decided or was not looked at.
    """

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    holds: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether something was checked, and nothing of it is wrong or open."""
        return bool(self.checked) and not self.findings


def check_alone(table: PublishedTable) -> TableVerdict:
    """Check a table by itself."""
    known = [cell for cell in table.cells if cell.metric in METRICS]
    findings = [*_out_of_range(known), *_copies(table)]
    checked, holds, notes = (["range"] if known else []), [], []
    for what, lines in _averages(table):
        wrong, unsure, way = _judge(lines, table.counts)
        findings += [
            Finding(code="average", where=f"{c.where}: {what}", found=c.printed.text, expected=said)
            for c, said in wrong
        ]
        checked.append("averages")
        if unsure:
            named = ", ".join(cell.where for cell in unsure)
            notes.append(f"{what}: none of the printed values at {named}, unless they are weighted")
        elif not wrong:
            holds.append(f"{what}: the {_NAMES.get(way, way)} of what it is of")
    for metric, ranks in table.ranks.items():
        wrong_pairs, fits = _judge_ranks(ranks, _orders(table, metric))
        named = f"ranks by {metric}" if metric else "ranks"
        checked.append("ranks")
        findings += [
            Finding(
                code="rank",
                where=f"{named}: {better} before {worse}",
                found=f"{ranks[better]:g} and {ranks[worse]:g}",
                expected="the other order, by every metric",
            )
            for better, worse in wrong_pairs
        ]
        if fits:
            holds.append(f"{named}: follow from {fits}")
        elif not wrong_pairs:
            notes.append(f"{named}: follow from no one metric; ranks by case can't be checked")
    metrics = {cell.metric: METRICS[cell.metric] for cell in known}
    notes += [
        f"{metric.title}: of which definition is not known. {metric.definition}"
        for metric in metrics.values()
        if metric.has_variants
    ]
    notes += [f"column {name}: not looked at" for name in table.skipped]
    words = tuple(dict.fromkeys(checked))
    return TableVerdict(
        findings=tuple(findings), checked=words, holds=tuple(holds), notes=tuple(notes)
    )


def _out_of_range(cells: Sequence[PrintedCell]) -> Iterator[Finding]:
    for cell in cells:
        is_below = cell.printed.high < 0 and not METRICS[cell.metric].is_signed
        if is_below or (is_score(cell.metric) and cell.printed.low > 1):
            yield Finding(
                code="range",
                where=cell.where,
                found=cell.printed.text,
                expected="0 to 1, or 0 to 100 %" if is_score(cell.metric) else "not below 0",
            )
        elif is_score(cell.metric) and 0 < cell.printed.value <= _FRACTION < _tenth_of_median(
            cells, cell
        ):
            yield Finding(
                code="range",
                where=cell.where,
                found=f"{cell.printed.text}, and half of its column is above 10 %",
                expected="one scale in a column",
            )


def _tenth_of_median(cells: Sequence[PrintedCell], of: PrintedCell) -> float:
    """Of the values of a cell's column in percent; 0 where it is in fractions."""
    same = [c.printed for c in cells if c.column == of.column and c.metric == of.metric]
    is_percent = all(math.isclose(p.factor, 0.01) for p in same)
    return float(np.median([p.value for p in same])) / 10 if is_percent else 0.0


def _averages(table: PublishedTable) -> Iterator[tuple[str, list[_Line]]]:
    """Over the modalities of each team, and over the teams of each column.

    DSC and NSD of one table are averaged in one way, so that they are judged together.
    """
    groups: dict[tuple[object, ...], list[_Line]] = {}
    seen: dict[tuple[object, ...], int] = {}
    for cell in table.cells:
        if cell.team is None:
            parts = [c for c in table.cells if c.column == cell.column and c.team is not None]
            key: tuple[object, ...] = (f"over {len(parts)} teams", cell.line)
        elif cell.modality is None:
            mine = [c for c in table.cells if (c.team, c.metric) == (cell.team, cell.metric)]
            parts = sorted((c for c in mine if c.modality), key=lambda c: str(c.modality))
            nth = seen[cell.team, cell.metric] = seen.get((cell.team, cell.metric), -1) + 1
            key = (f"over {len(parts)} modalities", is_score(cell.metric) or cell.metric, nth)
            key += tuple(c.modality for c in parts)
        else:
            continue
        if len(parts) > 1:
            groups.setdefault(key, []).append((cell, tuple(c.printed for c in parts)))
    for key, lines in groups.items():
        metrics = dict.fromkeys(cell.metric.upper() for cell, _ in lines)
        yield f"average {' and '.join(metrics)} {key[0]}", lines


def _judge(
    lines: Sequence[_Line], counts: Mapping[str, float]
) -> tuple[list[tuple[PrintedCell, str]], list[PrintedCell], str]:
    """Lines that are wrong, with what would be right; lines that may be; the aggregation."""
    ways: dict[str, Callable[[_Line], _Ends]] = {"macro": _mean, "median": _median}
    modalities = sorted(counts)
    weighted = lines[0][0].team is not None and len(counts) == len(lines[0][1])
    if weighted and sum(counts.values()) > 0:
        weights = np.array([counts[m] for m in modalities])
        ways["micro"] = lambda line: _mean(line, weights)
    fits = {
        name: [line[0].printed.holds(*way(line)) for line in lines] for name, way in ways.items()
    }
    best = max(fits, key=lambda name: sum(fits[name]))
    misfits = [line for line, fit in zip(lines, fits[best], strict=True) if not fit]
    if not misfits:
        return [], [], best
    unsure: list[_Line] = []
    of_cases = lines[0][0].team is not None  # over teams there is nothing to weight by
    if of_cases and "micro" not in ways:
        unsure = [
            line
            for line in misfits
            if line[0].printed.holds(min(p.low for p in line[1]), max(p.high for p in line[1]))
        ]
    wrong = []
    for cell, parts in (line for line in misfits if line not in unsure):
        ends = {
            name: map(cell.printed.as_printed, way((cell, parts))) for name, way in ways.items()
        }
        said = ", ".join(f"{name} {' to '.join(dict.fromkeys(e))}" for name, e in ends.items())
        wrong.append((cell, said))
    return wrong, [cell for cell, _ in unsure], best


def _mean(line: _Line, weights: "np.ndarray | None" = None) -> _Ends:
    ends = [
        np.average([getattr(p, end) for p in line[1]], weights=weights) for end in ("low", "high")
    ]
    return float(ends[0]), float(ends[1])


def _median(line: _Line) -> _Ends:
    ends = [np.median([getattr(p, end) for p in line[1]]) for end in ("low", "high")]
    return float(ends[0]), float(ends[1])


def _copies(table: PublishedTable) -> Iterator[Finding]:
    cells = [c for c in table.cells if c.team is not None]
    spreads = {
        column: np.ptp([c.printed.value for c in cells if c.column == column])
        for column in {c.column for c in cells}
    }
    for along, across in (("line", "column"), ("column", "line")):
        groups: dict[int, dict[int, PrintedCell]] = {}
        for cell in cells:
            groups.setdefault(getattr(cell, along), {})[getattr(cell, across)] = cell
        for a, b in itertools.combinations((groups[key] for key in sorted(groups)), 2):
            first, second = next(iter(a.values())), next(iter(b.values()))
            # A median is a copy of one of its values, and an average of one modality is too.
            averages = (first.modality is None) != (second.modality is None)
            if set(a) != set(b) or len(a) < _FEWEST_COPIED or (along == "column" and averages):
                continue
            chance = 1.0
            for cell in a.values():
                spread = spreads[cell.column]
                if spread > 0 and cell.printed.value not in (0.0, 1.0):
                    chance *= min(1.0, 2 * (cell.printed.high - cell.printed.low) / spread)
            same = all(a[i].printed.value == b[i].printed.value for i in a)
            if same and chance < _BY_CHANCE[along]:
                names = [
                    f"line {c.line}" if along == "line" else f"column {c.name}"
                    for c in (first, second)
                ]
                yield Finding(
                    code="copy",
                    where=names[1],
                    found=f"the same {len(a)} values as {names[0]}",
                    expected="values of its own",
                )


def _orders(table: PublishedTable, metric: str) -> dict[str, dict[str, _Ends]]:
    """By metric: each team's overall value, or the mean of those by modality; lower is better."""
    orders: dict[str, dict[str, _Ends]] = {}
    for name in dict.fromkeys(c.metric for c in table.cells if metric in ("", c.metric)):
        falls = name == MEAN_RANK or (name in METRICS and METRICS[name].direction == "lower")
        for team in table.teams:
            mine = [c for c in table.cells if (c.team, c.metric) == (team, name)]
            chosen = [c.printed for c in mine if c.modality is None] or [c.printed for c in mine]
            if chosen:
                low, high = (
                    sum(getattr(p, e) for p in chosen) / len(chosen) for e in ("low", "high")
                )
                orders.setdefault(name, {})[team] = (low, high) if falls else (-high, -low)
    return orders


def _is_above(cost: _Ends, of: _Ends) -> bool:
    return cost[0] > of[1]


def _is_behind(cost: _Ends, of: _Ends) -> bool:
    """Whether a printed value is the worse one, whatever was rounded.

    A value that was rounded up to one digit, and down to the next one, is no tie.
    """
    if math.isclose(cost[0], of[1], rel_tol=1e-8, abs_tol=1e-8):
        return cost[0] < cost[1] or of[0] < of[1]
    return cost[0] > of[1]


def _judge_ranks(
    ranks: Mapping[str, float], orders: Mapping[str, Mapping[str, _Ends]]
) -> tuple[list[tuple[str, str]], str]:
    """Pairs whose first is ranked better and worse in everything; what the ranks follow from."""
    tried = dict(orders)
    if len(orders) > 1:
        teams = set.intersection(*(set(costs) for costs in orders.values()))
        tried["the mean of the ranks by each metric"] = {
            team: (
                float(
                    np.mean(
                        [1 + sum(_is_behind(c[team], c[o]) for o in teams) for c in orders.values()]
                    )
                ),
                float(
                    np.mean(
                        [sum(not _is_behind(c[o], c[team]) for o in teams) for c in orders.values()]
                    )
                ),
            )
            for team in teams
        }
    against = {
        name: {
            (a, b)
            for a, b in itertools.permutations([team for team in ranks if team in costs], 2)
            if ranks[a] < ranks[b]
            and (_is_behind if name in orders else _is_above)(costs[a], costs[b])
        }
        for name, costs in tried.items()
    }
    fits = next((name or "the values" for name, pairs in against.items() if not pairs), "")
    if fits or not orders:
        return [], fits
    return sorted(set.intersection(*(against[name] for name in orders))), ""
