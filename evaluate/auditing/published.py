"""A paper's table, checked: by itself, and against the scores of a run.

Nothing that rounding explains is called wrong. What can't be decided from the printed digits is a
note, not a finding.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from evaluate.auditing.published_table import Cell, PublishedTable
from evaluate.auditing.table_averages import AveragesVerdict, Line, judge_averages
from evaluate.auditing.table_findings import Kind, TableFinding
from evaluate.auditing.table_ranks import rank_findings
from metrics import METRICS

__all__ = ["Kind", "TableFinding", "TableVerdict", "check_alone"]

_BY_CHANCE = {"row": 1e-5, "column": 1e-8}
"""Equal values less likely than this are copies; columns less so, as metrics go together."""
_FEWEST_COPIED = 3
_TITLES = {"dsc": "DSC", "nsd": "NSD", "": "value"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVerdict:
    """What a check of a table found.

    Attributes:
        findings: what is wrong, or open.
        holds: what was checked and is right, in words.
        notes: what could not be decided or was not looked at.
    """

    findings: tuple[TableFinding, ...]
    holds: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong or open."""
        return not self.findings


def check_alone(table: PublishedTable) -> TableVerdict:
    """Check a table by itself: ranges, averages, copies, ranks."""
    findings = [*_out_of_range(table), *_copies(table)]
    holds, notes = [], []
    for what, verdict in _averages(table):
        findings += [
            TableFinding(
                kind="average",
                where=f"{line.where}: {what}",
                printed=line.average.text,
                expected=said,
            )
            for line, said in verdict.wrong
        ]
        if verdict.can_not_tell:
            lines = ", ".join(line.where for line in verdict.can_not_tell)
            notes.append(
                f"{what}: neither the mean nor the median of the printed values at {lines}; means"
                " weighted by numbers of cases, which the table does not give, could be all of them"
            )
        elif not verdict.wrong:
            holds.append(f"{what}: {_NAMES[verdict.fits]}")
    ranks, rank_holds, rank_notes = rank_findings(table)
    notes += [*rank_notes, *(f"column {name}: not looked at" for name in table.skipped)]
    return TableVerdict(
        findings=tuple(findings + ranks), holds=tuple(holds + rank_holds), notes=tuple(notes)
    )


_NAMES = {
    "macro": "the plain mean of what it is of (macro)",
    "micro": "the mean weighted by the numbers of cases (micro)",
    "median": "the median of what it is of",
}


def _out_of_range(table: PublishedTable) -> Iterator[TableFinding]:
    for cell in table.cells:
        metric = METRICS.get(cell.metric)
        if metric is None:
            continue
        is_below = cell.printed.high < 0 and not metric.is_signed
        if is_below or (metric.unit == "" and cell.printed.low > 1):
            yield TableFinding(
                kind="range",
                where=cell.where,
                printed=cell.printed.text,
                expected="0 to 1, or 0 to 100 %" if metric.unit == "" else "not below 0",
            )


def _averages(table: PublishedTable) -> Iterator[tuple[str, AveragesVerdict]]:
    """Over the modalities of each team, then over the teams of each column.

    DSC and NSD of one table are averaged in one way, so that they are judged together.
    """
    groups: dict[tuple[object, ...], list[Line]] = {}
    titles: dict[tuple[object, ...], dict[str, None]] = {}
    for metric in dict.fromkeys(cell.metric for cell in table.cells):
        cells = [c for c in table.cells if c.metric == metric and c.team is not None]
        modalities = tuple(sorted({c.modality for c in cells if c.modality is not None}))
        overall = [c for c in cells if c.modality is None]
        places = sorted({c.line if table.is_by_modality else c.column for c in overall})
        is_score = metric in METRICS and METRICS[metric].unit == ""
        for cell in overall:
            line = _line(cell, cells, modalities)
            if line is None or len(modalities) < 2:
                continue
            place = places.index(cell.line if table.is_by_modality else cell.column)
            key: tuple[object, ...] = (is_score or metric, modalities, place, cell.is_median)
            groups.setdefault(key, []).append(line)
            titles.setdefault(key, {})[_TITLES.get(metric, metric)] = None
    for key, lines in groups.items():
        modalities = tuple(str(name) for name in key[1]) if isinstance(key[1], tuple) else ()
        known = all(m in table.counts for m in modalities)
        counts = [table.counts[m] for m in modalities] if known else None
        what = f"average {' and '.join(titles[key])} over {len(modalities)} modalities"
        yield what, judge_averages(lines, counts)
    yield from _averages_over_teams(table)


def _line(overall: Cell, cells: Sequence[Cell], modalities: Sequence[str]) -> Line | None:
    mine = {c.modality: c.printed for c in cells if c.team == overall.team and c.modality}
    if set(mine) != set(modalities):
        return None  # a gap: what it is the average of is not printed
    parts = tuple(mine[m] for m in modalities)
    return Line(where=overall.where, parts=parts, average=overall.printed)


def _averages_over_teams(table: PublishedTable) -> Iterator[tuple[str, AveragesVerdict]]:
    for row in dict.fromkeys(c.line for c in table.cells if c.team is None):
        lines: dict[int, list[Line]] = {}
        for cell in (c for c in table.cells if c.line == row):
            parts = tuple(
                c.printed for c in table.cells if c.column == cell.column and c.team is not None
            )
            if len(parts) > 1:
                line = Line(where=cell.where, parts=parts, average=cell.printed)
                lines.setdefault(len(parts), []).append(line)
        for same in lines.values():
            verdict = judge_averages(same, None)
            yield f"average over {len(same[0].parts)} teams, line {row}", verdict


def _copies(table: PublishedTable) -> Iterator[TableFinding]:
    cells = [c for c in table.cells if c.team is not None]
    kinds: tuple[tuple[Literal["row", "column"], str, str], ...] = (
        ("row", "line", "column"),
        ("column", "column", "line"),
    )
    for kind, along, across in kinds:
        groups: dict[int, dict[int, Cell]] = {}
        for cell in cells:
            groups.setdefault(getattr(cell, along), {})[getattr(cell, across)] = cell
        spreads = _spreads(cells)
        for first, second in itertools.combinations(sorted(groups), 2):
            a, b = groups[first], groups[second]
            if set(a) != set(b) or len(a) < _FEWEST_COPIED or _is_average_of(a, b):
                continue
            if all(a[i].printed.value == b[i].printed.value for i in a) and (
                _chance(a.values(), spreads) < _BY_CHANCE[kind]
            ):
                names = [
                    f"line {g}" if kind == "row" else f"column {groups[g][min(a)].name}"
                    for g in (first, second)
                ]
                yield TableFinding(
                    kind="copy",
                    where=names[1],
                    printed=f"the same {len(a)} values as {names[0]}",
                    expected="values of its own",
                )


def _is_average_of(a: dict[int, Cell], b: dict[int, Cell]) -> bool:
    """Whether one is a column of averages and the other of what it is of: a median is one."""
    first, second = next(iter(a.values())), next(iter(b.values()))
    alike = all(cell.modality == first.modality for cell in a.values())
    return (
        alike
        and first.metric == second.metric
        and ((first.modality is None) != (second.modality is None))
    )


def _spreads(cells: Sequence[Cell]) -> dict[int, float]:
    """How far apart the values of each column are."""
    columns: dict[int, list[float]] = {}
    for cell in cells:
        columns.setdefault(cell.column, []).append(cell.printed.value)
    return {column: max(values) - min(values) for column, values in columns.items()}


def _chance(cells: Iterable[Cell], spreads: dict[int, float]) -> float:
    """How likely so many cells are equal by chance; zeros and perfect scores say nothing."""
    chance = 1.0
    for cell in cells:
        spread = spreads[cell.column]
        if spread > 0 and cell.printed.value not in (0.0, 1.0):
            chance *= min(1.0, 2 * cell.printed.width / spread)
    return chance
