"""A paper's table as cells: whose value, of which metric, over which modality, in how many digits.

Rows are teams and columns metrics, over all or by modality (`CT DSC`). Averages, ranks and numbers
of cases are known by their names.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from data_manifest.errors import TableError
from data_manifest.foreign_numbers import is_missing, read_numbers
from data_manifest.foreign_tables import ForeignTable, read_foreign_table
from data_manifest.naming import canonical_modality
from data_manifest.table_names import quoted, says_summary
from metrics import METRICS

MEAN_RANK = "mean rank"
"""What a column of mean ranks is of, beside the metrics."""
_LARGEST_BYTES = 4 << 20
_LARGEST = 1e15  # sums of such numbers stay finite
_MARKS = " *_`†‡§%"
_SPREAD = re.compile(r"(?<=\S)\s*(±|\+/?-|[(\[]).*")
_NUMBER = re.compile(r"[+\-\N{MINUS SIGN}]?[.,]?\d[\d.,\s'’]*(e[+-]?\d+)?", re.IGNORECASE)
_SURFACE_DICE = re.compile(r"(normali[sz]ed[ _]*)?surface[ _]*(dice|distance)", re.IGNORECASE)
_METRICS = {name: name for name in METRICS} | {
    "dice": "dsc", "jaccard": "iou", "recall": "sensitivity", "hausdorff": "hd", "asd": "assd",
    "time": "wall_s", "runtime": "wall_s", "memory": "peak_memory_mib", "ram": "peak_memory_mib",
}  # fmt: skip
_AVERAGES = {"average", "avg", "mean", "overall", "macro", "micro", "all", "total", "median"}
_ROLES = {
    **dict.fromkeys(("rank", "ranking", "place", "position"), "rank"),
    **dict.fromkeys(("n", "cases", "count"), "count"),
}
_UNITS = {"s": 1.0, "ms": 1e-3, "min": 60.0, "mib": 1.0, "gib": 1024.0, "mm": 1.0}
_UNITS |= dict.fromkeys(("mb", "gb", "h", "hours", "cm", "voxels", "px"), 0.0)  # not looked at
_IDLE = {"score", "value", "per", "case", "peak", "coefficient", "similarity", "of", "number"}
_IDLE |= {"", "running", "inference", "over", *_AVERAGES, *_ROLES, *_UNITS, *_METRICS}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedCell:
    """A printed number in its metric's unit, and the ends of all that rounds to its digits.

    A score is from 0 to 1. The modality is None for all of them.
    """

    team: str
    metric: str
    modality: str | None
    line: int
    column: str
    text: str
    value: float
    low: float
    high: float
    decimals: int
    factor: float = 1.0

    @property
    def where(self) -> str:
        """For a message."""
        return f"line {self.line}, {self.column}"

    def holds(self, low: float, high: float) -> bool:
        """Whether a value between these can be what is printed."""
        slack = 1e-12 * max(1.0, abs(high))
        return low - slack <= self.high and high + slack >= self.low

    def as_printed(self, value: float) -> str:
        """A value in the unit of the print, with a digit more."""
        return f"{value / self.factor:.{self.decimals + 1}f}"

    def scaled(self, by: float) -> "PrintedCell":
        """The same in another unit."""
        fields = ("value", "low", "high", "factor")
        return replace(self, **{name: by * getattr(self, name) for name in fields})


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """Values, ranks by team, numbers of cases by modality, teams, and columns left out."""

    path: Path
    cells: tuple[PrintedCell, ...]
    ranks: dict[str, float]
    counts: dict[str, float]
    teams: tuple[str, ...]
    skipped: tuple[str, ...]


class _Head(NamedTuple):
    """What the name of a column or a row says; the rest is a modality or a team."""

    role: str
    metric: str
    rest: str
    scale: float


def is_score(metric: str) -> bool:
    """Whether its values lie between 0 and 1."""
    return metric in METRICS and not METRICS[metric].unit and not METRICS[metric].is_signed


def read_published(path: Path) -> PublishedTable:
    """Read a table.

    Raises:
        TableError: unreadable, rows of unequal length, a cell that is no number in a column of
            numbers, or rows that are not teams.
    """
    table = read_foreign_table(path, largest=_LARGEST_BYTES)
    bare = [[_SPREAD.sub("", c.strip(_MARKS)).strip(_MARKS) for c in r.cells] for r in table.rows]
    numeric = [i for i in range(len(table.columns)) if _is_numeric([cells[i] for cells in bare])]
    label = next((i for i in range(len(table.columns)) if i not in numeric), 0)
    names = [row.cells[label].strip(_MARKS) for row in table.rows]
    for is_wrong, found, expected in (
        (not names, "no row below the names", "a row for each team"),
        (label in numeric, "no column of names", "a column that names the teams"),
        (not numeric, "no column of numbers", "a column for each metric"),
        (2 * sum(map(bool, map(canonical_modality, names))) > len(names), "rows of modalities",
         "a row for each team: turn the table round"),
    ):  # fmt: skip
        if is_wrong:
            raise TableError(where=str(path), found=found, expected=expected)
    if alike := tuple(table.spelled_alike(label)):
        raise TableError(*alike)
    _check_once(table, names)
    heads = {i: _read_head(table.columns[i]) for i in numeric}
    read = {i: h for i, h in heads.items() if h.scale and ((h.role == "rank") != bool(h.metric))}
    signed = {
        head.metric
        for i, head in read.items()
        if any("%" in text for text in (table.columns[i], *(row.cells[i] for row in table.rows)))
    }
    kinds = {name: head.role for name in names if not (head := _read_head(name)).rest}
    kinds |= dict.fromkeys(filter(says_summary, names), "average")
    rows = tuple(replace(r, cells=tuple(c)) for r, c in zip(table.rows, bare, strict=True))
    numbers = read_numbers(replace(table, rows=rows), list(read))[0]
    ranks: dict[str, float] = {}
    counts: dict[str, float] = {}
    cells: list[PrintedCell] = []
    for (i, head), n in itertools.product(read.items(), range(len(rows))):
        value, kind, text = numbers[i][n], kinds.get(names[n]), rows[n].cells[i]
        if value is None or kind == "average":
            continue
        if abs(value) > _LARGEST:
            where, found = table.where(rows[n], i), f"{quoted(text)} is larger than any number"
            raise TableError(where=where, found=found, expected="less than 1e15")
        if kind == "count":
            counts |= {head.rest: value} if head.rest and head.metric else {}
        elif not head.metric:
            ranks[names[n]] = value
        else:
            cells.append(_cell(names[n], head, rows[n].line, table.columns[i], text, value))
    return PublishedTable(
        path=path,
        cells=tuple(_as_score(c, cells, signed) if is_score(c.metric) else c for c in cells),
        ranks=ranks,
        counts=counts,
        teams=tuple(name for name in names if kinds.get(name) not in ("average", "count")),
        skipped=(
            *(f"column {name}" for i, name in enumerate(table.columns) if i not in (label, *read)),
            *(f"row {name}" for name, kind in kinds.items() if kind == "average"),
        ),
    )


def _check_once(table: ForeignTable, names: Sequence[str]) -> None:
    teams = [name for name in names if _read_head(name).rest and not says_summary(name)]
    for name, count in Counter(teams).items():
        if count > 1:
            lines = [row.line for row, each in zip(table.rows, names, strict=True) if each == name]
            raise TableError(
                where=f"{table.path}, lines {', '.join(map(str, lines))}",
                found=f"{quoted(name)} {count} times",
                expected="a row for each team",
                mend="give each row a name of its own, or leave out all but one",
            )


def _is_numeric(cells: list[str]) -> bool:
    known = [cell for cell in cells if not is_missing(cell)]
    return 2 * sum(_NUMBER.fullmatch(cell) is not None for cell in known) > len(known)


def _read_head(name: str) -> _Head:
    spelled = _SURFACE_DICE.sub("nsd", name.strip())
    words = [spelled] if spelled in METRICS else re.split(r"[\s_/|:,;()\[\]↑↓%#@]+", spelled)
    known = [word.casefold() for word in words]
    metric = next((_METRICS[word] for word in known if word in _METRICS), "")
    role = next((_ROLES[word] for word in known if word in _ROLES), "")
    if not _AVERAGES.isdisjoint(known) or (role == "count" and metric):
        role, metric = ("", MEAN_RANK) if role == "rank" else ("average", metric)
    rest = [word for word in words if word.casefold() not in _IDLE]
    place = next(filter(None, map(canonical_modality, [" ".join(rest), *rest])), " ".join(rest))
    scale = next((_UNITS[word] for word in known if word in _UNITS), 1.0)
    return _Head(role=role, metric=metric, rest=place, scale=scale)


def _cell(team: str, head: _Head, line: int, column: str, text: str, value: float) -> PrintedCell:
    """The value over its digits, read as a whole number, is what the last digit counts."""
    mantissa = re.split("[eE]", text)[0].replace(",", ".")
    digits = float(re.sub(r"\D", "", mantissa))
    unit = abs(value) / digits if value else 10.0 ** -len(mantissa.partition(".")[2])
    half = unit / 2 + 1e-9 * max(abs(value), unit)  # and what floating point adds
    return PrintedCell(
        team=team,
        metric=head.metric,
        modality=head.rest or None,
        line=line,
        column=column,
        text=text,
        value=value,
        low=value - half,
        high=value + half,
        decimals=round(-math.log10(min(max(unit, 1e-8), 1.0))),
    ).scaled(head.scale)


def _as_score(cell: PrintedCell, cells: list[PrintedCell], signed: set[str]) -> PrintedCell:
    """From 0 to 1, where the metric is printed in percent by its sign or its size.

    A score may have been kept from being printed as a perfect one: 0.999 for 0.9997.
    """
    same = [c.value for c in cells if c.metric == cell.metric]
    is_percent = cell.metric in signed or 2 * sum(v > 1 for v in same) > len(same)
    made = cell.scaled(0.01 if is_percent else 1.0)
    almost = math.isclose(made.value + made.high - made.low, 1, rel_tol=1e-6)
    return replace(made, high=1.0) if almost else made
