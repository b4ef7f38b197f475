"""A paper's table as cells: whose value, of which metric, over which modality, in how many digits.

Rows are teams and columns metrics, alone or by modality (`CT DSC`); or rows are modalities and
columns a team's metric (`alpha DSC`). Averages and ranks are known by their names.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from data_manifest.errors import Finding, TableError
from data_manifest.foreign_tables import ForeignTable, quoted, read_foreign_table
from data_manifest.naming import canonical_modality
from evaluate.auditing.published_tables.printed_numbers import Printed, is_empty, read_printed
from metrics import METRICS

__all__ = ["MEAN_RANK", "PrintedCell", "PublishedTable", "is_score", "read_published"]

MEAN_RANK = "mean rank"
"""What a column of mean ranks is of, beside the metrics."""
_LARGEST = 4 << 20
_MARKS = re.compile(r"[*_`†‡§]{1,3}(?=\S)|(?<=\S)[*_`†‡§]{1,3}(?=\s|$)")
_POINT = re.compile(r"\d*\.\d+")
_COMMA = re.compile(r"0?,\d+|\d+,(\d{1,2}|\d{4,})")
_METRICS = {
    "dsc": "dsc", "dice": "dsc", "nsd": "nsd", "iou": "iou", "jaccard": "iou", "jac": "iou",
    "sensitivity": "sensitivity", "recall": "sensitivity", "precision": "precision",
    "hd95": "hd95", "hd": "hd", "hausdorff": "hd", "assd": "assd", "asd": "assd",
    "time": "wall_s", "runtime": "wall_s", "wall": "wall_s", "latency": "wall_s",
    "cpu": "cpu_s", "memory": "peak_memory_mib", "ram": "peak_memory_mib",
}  # fmt: skip
_AVERAGES = {"average", "avg", "mean", "overall", "macro", "micro", "all", "total", "median"}
_RANKS = {"rank", "ranking", "place", "position", "pos"}
_COUNTS = {"n", "cases", "count"}
_UNITS = {
    "s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "min": 60.0, "minutes": 60.0,
    "mib": 1.0, "gib": 1024.0, "mb": 1e6 / 2**20, "gb": 1e9 / 2**20, "mm": 1.0,
}  # fmt: skip
_IDLE = {
    *("score", "scores", "value", "per", "case", "peak", "wall", "clock", "surface", "of", "the"),
    *("coefficient", "similarity", "running", "inference", "number", "over"),
}
_SPELLED_OUT = (
    (re.compile(r"dice[ _]*(score|coefficient)", re.I), "dsc"),
    (re.compile(r"surface[ _]*dice|normali[sz]ed[ _]*surface[ _]*(distance|dice)", re.I), "nsd"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What a column's name, or a row's, says; `rest` is a modality or a team."""

    role: str = "value"
    metric: str = ""
    rest: str = ""
    is_average: bool = False
    is_percent: bool = False
    scale: float = 1.0

    @property
    def modality(self) -> str | None:
        """Canonical where it is known."""
        words = (self.rest, *self.rest.split())
        return next(filter(None, map(canonical_modality, words)), None) or self.rest or None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedCell:
    """One value of the table.

    Attributes:
        team: as it is printed; None in a row of averages over the teams.
        metric: column of case_scores.csv, or `MEAN_RANK`; empty where the table does not say.
        modality: None for all of them.
        printed: in the metric's unit, scores from 0 to 1.
        line, column: where it is.
        name: of the column.
    """

    team: str | None
    metric: str
    modality: str | None
    printed: Printed
    line: int
    column: int
    name: str

    @property
    def where(self) -> str:
        """For a message."""
        return f"line {self.line}, {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """What was read.

    Attributes:
        path: of the file.
        cells: the values.
        ranks: printed rank of each team, by what it ranks: a metric, or empty for the whole.
        counts: cases of each modality, where the table says them.
        teams: in the table's order.
        skipped: columns that are none of these.
    """

    path: Path
    cells: tuple[PrintedCell, ...]
    ranks: dict[str, dict[str, float]]
    counts: dict[str, float]
    teams: tuple[str, ...]
    skipped: tuple[str, ...]


def is_score(metric: str) -> bool:
    """Whether its values lie between 0 and 1."""
    return metric in METRICS and METRICS[metric].unit == ""


def read_published(path: Path) -> PublishedTable:
    """Read a table.

    Raises:
        TableError: unreadable, rows of unequal length, a cell that is no number in a column of
            numbers, or nothing to check.
    """
    table = read_foreign_table(path, largest=_LARGEST)
    if not table.rows:
        raise _refused(path, "no row below the names", "a row for each team, or modality")
    comma = _comma_is_decimal(table)
    columns = range(len(table.columns))
    values = [i for i in columns if _is_numeric([row.cells[i] for row in table.rows], comma)]
    label = next((i for i in columns if i not in values), None)
    if label is None:
        raise _refused(path, "no column of names", "a column that names the teams")
    if not values:
        raise _refused(path, "no column of numbers", "a column for each metric")
    alike = tuple(table.spelled_alike(label))
    if alike:
        raise TableError(*alike)
    numbers = {
        (row.line, i): _number(table, row.line, i, row.cells[i], comma)
        for row in table.rows
        for i in values
        if not is_empty(row.cells[i])
    }
    labels = {row.line: _MARKS.sub("", row.cells[label]).strip() for row in table.rows}
    return _table_of(table, labels, values, numbers)


def _refused(path: Path, what: str, expected: str) -> TableError:
    return TableError(Finding(where=str(path), found=what, expected=expected))


def _comma_is_decimal(table: ForeignTable) -> bool:
    """What a comma is where a cell alone does not tell: decimal, if no number has a point.

    Raises:
        TableError: one number has a decimal point and another a decimal comma.
    """
    seen: dict[str, str] = {}
    for row in table.rows:
        for i, cell in enumerate(row.cells):
            number = next(iter(re.findall(r"[\d.,]+", cell)), "")
            with suppress(ValueError):
                read_printed(cell, comma_is_decimal=True)  # a name may hold a number, too
                if _POINT.fullmatch(number):
                    seen.setdefault("point", f"{quoted(cell)} in {table.where(row, i)}")
                elif _COMMA.fullmatch(number):
                    seen.setdefault("comma", f"{quoted(cell)} in {table.where(row, i)}")
    if len(seen) > 1:
        both = f"{seen['point']} with a decimal point, {seen['comma']} with a decimal comma"
        raise _refused(table.path, both, "one of both throughout")
    return "point" not in seen


def _number(table: ForeignTable, line: int, column: int, text: str, comma: bool) -> Printed:
    try:
        return read_printed(text, comma_is_decimal=comma)
    except ValueError as error:
        what = f"line {line}, column {table.columns[column]}: {error}"
        raise _refused(table.path, what, "a number, or nothing") from error


def _is_numeric(cells: Sequence[str], comma: bool) -> bool:
    """Whether most cells that are not empty are numbers."""
    known, good = [cell for cell in cells if not is_empty(cell)], 0
    for cell in known:
        with suppress(ValueError):
            good += bool(read_printed(cell, comma_is_decimal=comma))
    return 2 * good > len(known)


def _read_head(name: str) -> _Head:  # noqa: C901  # a branch for each kind of word
    """The words of a name, sorted out; the metric is the first word that names one."""
    spelled = name
    for pattern, word in _SPELLED_OUT:
        spelled = pattern.sub(word, spelled)
    words = [w for w in re.split(r"[\s_/|:,;()\[\]↑↓%#@]+", spelled) if w]
    head, rest = _Head(is_percent="%" in name), []
    for word in words:
        plain = word.casefold().strip(".")
        if plain in _METRICS and not head.metric:
            head = replace(head, metric=_METRICS[plain])
        elif plain in _RANKS:
            head = replace(head, role="rank")
        elif plain in _AVERAGES:
            head = replace(head, is_average=True)
        elif plain in _UNITS:
            head = replace(head, scale=_UNITS[plain])
        elif plain in _COUNTS and len(words) <= 3:
            head = replace(head, role="count")
        elif plain not in _IDLE:
            rest.append(word)
    if name.strip() == "#":
        head = replace(head, role="rank")
    if head.role == "rank" and head.is_average:
        head = replace(head, role="value", metric=MEAN_RANK, is_average=False)
    return replace(head, rest=" ".join(rest))


def _table_of(  # noqa: C901  # a branch for each thing that a number can be
    table: ForeignTable,
    labels: dict[int, str],
    values: Sequence[int],
    numbers: dict[tuple[int, int], Printed],
) -> PublishedTable:
    heads = {i: _read_head(table.columns[i]) for i in values}
    rows = {line: _read_head(text) for line, text in labels.items()}
    plain = [row for row in rows.values() if not row.is_average]
    named = [row for row in plain if canonical_modality(row.modality or "")]
    by_modality = 2 * len(named) > len(plain)
    metrics = {head.metric for head in heads.values() if head.role == "value"} - {"", MEAN_RANK}
    only = next(iter(metrics)) if len(metrics) == 1 else ""
    cells, skipped = [], []
    ranks: dict[str, dict[str, float]] = {}
    counts: dict[str, float] = {}
    for i, head in heads.items():
        if not by_modality and _is_skipped(head, metrics):
            skipped.append(table.columns[i])
            continue
        for line, row in rows.items():
            number = numbers.get((line, i))
            if number is None:
                continue
            place, other = (row, head) if by_modality else (head, row)
            modality = None if by_modality and row.is_average else place.modality
            if other.role == "count" or (by_modality and head.role == "count"):
                if modality is not None:
                    counts[modality] = number.value
            elif head.role == "rank":
                if not row.is_average:
                    ranks.setdefault(head.metric, {})[labels[line]] = number.value
            else:
                team: str | None = labels[line]
                if by_modality:
                    team = head.rest or table.columns[i]
                elif row.is_average and not row.rest:
                    team = None
                cells.append(
                    PrintedCell(
                        team=team,
                        metric=head.metric or ("" if by_modality else only),
                        modality=modality,
                        printed=number if head.scale == 1 else number.scaled(head.scale),
                        line=line,
                        column=i,
                        name=table.columns[i],
                    )
                )
    if not cells:
        expected = "names such as DSC, NSD, Time, or a modality with one of them"
        raise _refused(table.path, "no column of a metric", expected)
    return PublishedTable(
        path=table.path,
        cells=tuple(_as_scores(cells, heads)),
        ranks=ranks,
        counts=counts,
        teams=tuple(dict.fromkeys(c.team for c in cells if c.team is not None)),
        skipped=tuple(skipped),
    )


def _is_skipped(head: _Head, metrics: set[str]) -> bool:
    """Whether a column is none of a metric, or of nobody knows which."""
    known = head.metric or head.is_average or canonical_modality(head.rest) or not metrics
    is_told = bool(known and (head.metric or len(metrics) < 2))
    return head.role == "count" or (head.role == "value" and not is_told)


def _as_scores(cells: Sequence[PrintedCell], heads: dict[int, _Head]) -> list[PrintedCell]:
    """Scores from 0 to 1 where they are printed in percent, by their signs or by their size."""
    made = []
    for cell in cells:
        if is_score(cell.metric):
            same = [c for c in cells if c.metric == cell.metric]
            signs = sum(c.printed.is_percent or heads[c.column].is_percent for c in same)
            large = sum(c.printed.value > 1 for c in same)
            is_percent = 2 * max(signs, large) > len(same)
            printed = cell.printed.scaled(0.01) if is_percent else cell.printed
            cell = replace(cell, printed=printed.with_top(1.0))
        made.append(cell)
    return made
