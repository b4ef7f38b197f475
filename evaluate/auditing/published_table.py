"""A paper's table as cells: whose value, of which metric, over which modality, in how many digits.

Rows are teams and columns metrics, alone or by modality (`CT DSC`); or rows are modalities and
columns a team's metric (`alpha DSC`). Averages and ranks are known by their names.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data_manifest.naming import canonical_modality
from evaluate.auditing.printed import Printed, is_empty, read_printed
from evaluate.auditing.published_names import Head, modality_of, names_a_modality, read_head
from evaluate.facts.errors import Problem, TableError
from metrics import METRICS

__all__ = ["Cell", "PublishedTable", "read_published"]

_LARGEST = 4 << 20
_MARKS = re.compile(r"[*_`†‡§]{1,3}(?=\S)|(?<=\S)[*_`†‡§]{1,3}(?=\s|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value of the table.

    Attributes:
        team: as it is printed; None in a row of averages over the teams.
        metric: column of case_scores.csv; empty where the table does not say.
        modality: canonical where known; None for all of them.
        printed: in the metric's unit, scores from 0 to 1.
        line, column: where it is.
        name: of the column.
        is_median: whether the table calls an overall value a median.
    """

    team: str | None
    metric: str
    modality: str | None
    printed: Printed
    line: int
    column: int
    name: str
    is_median: bool

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
        mean_ranks: printed mean rank of each team.
        counts: cases of each modality, where the table says them.
        teams: in the table's order.
        skipped: columns that are none of these.
        is_by_modality: whether rows are modalities, and columns a team's metric.
    """

    path: Path
    cells: tuple[Cell, ...]
    ranks: dict[str, dict[str, float]]
    mean_ranks: dict[str, Printed]
    counts: dict[str, float]
    teams: tuple[str, ...]
    skipped: tuple[str, ...]
    is_by_modality: bool


def read_published(path: Path) -> PublishedTable:
    """Read a table.

    Raises:
        TableError: unreadable, not UTF-8, rows of unequal length, a cell that is no number in a
            column of numbers, or nothing to check.
    """
    rows = _rows(path)
    heads = [read_head(name) for name in rows[0][1]]
    body = rows[1:]
    comma = not any(re.search(r"\d\.\d", cell) for _, row in body for cell in row)
    numbers = [_is_numeric([row[i] for _, row in body], comma) for i in range(len(heads))]
    label = next((i for i, numeric in enumerate(numbers) if not numeric), None)
    if label is None:
        raise _bad(path, "no column of names", "a column that names the teams")
    values = [i for i, numeric in enumerate(numbers) if numeric]
    if not values or not body:
        raise _bad(path, "no column of numbers", "a column for each metric")
    printed = {
        (line, i): _cell(path, line, rows[0][1][i], row[i], comma)
        for line, row in body
        for i in values
        if not is_empty(row[i])
    }
    labels = {line: _MARKS.sub("", row[label]).strip() for line, row in body}
    named = [text for text in labels.values() if not read_head(text).is_average]
    by_modality = bool(named) and 2 * sum(map(names_a_modality, named)) > len(named)
    build = _from_modality_rows if by_modality else _from_team_rows
    return build(path, rows[0][1], heads, labels, values, printed)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise _bad(path, f"more than {_LARGEST >> 20} MiB", "a paper's table")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise _bad(path, f"can't be read: {error.strerror}", "a CSV file") from error
    except UnicodeDecodeError as error:
        raise _bad(path, f"byte {error.start} is not UTF-8", "a CSV file in UTF-8") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max("\t;,", key=lambda mark: (first.count(mark), mark == ","))
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = [
            (reader.line_num, [cell.strip() for cell in row])
            for row in reader
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise _bad(path, f"no CSV: {error}", "a CSV file") from error
    if len(rows) < 2:
        raise _bad(path, f"{len(rows)} rows", "a row of names, then a row for each team")
    width = len(rows[0][1])
    for line, row in rows:
        if len(row) != width:
            raise _bad(
                path,
                f"line {line} has {len(row)} cells and the first has {width}",
                "rows of one length",
                "a decimal comma needs another separator (`;`), or quotes",
            )
    return rows


def _bad(path: Path, found: str, expected: str, mend: str = "") -> TableError:
    return TableError(Problem(where=str(path), found=found, expected=expected, mend=mend))


def _is_numeric(cells: Sequence[str], comma: bool) -> bool:
    """Whether most cells that are not empty are numbers."""
    known = [cell for cell in cells if not is_empty(cell)]
    good = 0
    for cell in known:
        try:
            read_printed(cell, comma_is_decimal=comma)
            good += 1
        except ValueError:
            pass
    return 2 * good > len(known)


def _cell(path: Path, line: int, name: str, text: str, comma: bool) -> Printed:
    try:
        return read_printed(text, comma_is_decimal=comma)
    except ValueError as error:
        raise _bad(
            path, f"line {line}, column {name}: {error}", "a number, or nothing", "mend the cell"
        ) from error


def _from_team_rows(
    path: Path,
    names: Sequence[str],
    heads: Sequence[Head],
    labels: dict[int, str],
    values: Sequence[int],
    printed: dict[tuple[int, int], Printed],
) -> PublishedTable:
    metrics = {heads[i].metric for i in values if heads[i].role == "value"} - {""}
    only = next(iter(metrics)) if len(metrics) == 1 else ""
    cells: list[Cell] = []
    ranks: dict[str, dict[str, float]] = {}
    mean_ranks: dict[str, Printed] = {}
    counts: dict[str, float] = {}
    skipped = []
    for i in values:
        head = heads[i]
        modality = modality_of(head.rest) if head.rest else None
        metric = head.metric or only
        recognised = head.metric or head.is_average or canonical_modality(head.rest) or not metrics
        if head.role == "value" and (not recognised or (len(metrics) > 1 and not head.metric)):
            skipped.append(names[i])
            continue
        if head.role == "count":
            skipped.append(names[i])
            continue
        for line, label in labels.items():
            value = printed.get((line, i))
            row = read_head(label)
            if value is None:
                continue
            if row.role == "count" and not row.rest and modality is not None:
                counts[modality] = value.value
            elif head.role == "rank" and not row.is_average:
                ranks.setdefault(head.metric, {})[label] = value.value
            elif head.role == "mean_rank" and not row.is_average:
                mean_ranks[label] = value
            elif head.role == "value" and row.role != "count":
                is_mean = row.is_average and not row.rest
                cells.append(
                    Cell(
                        team=None if is_mean else label,
                        metric=metric,
                        modality=modality,
                        printed=value.scaled(head.scale) if head.scale != 1 else value,
                        line=line,
                        column=i,
                        name=names[i],
                        is_median=row.is_median if is_mean else head.is_median,
                    )
                )
    return _finished(path, cells, ranks, mean_ranks, counts, skipped, heads, False)


def _from_modality_rows(
    path: Path,
    names: Sequence[str],
    heads: Sequence[Head],
    labels: dict[int, str],
    values: Sequence[int],
    printed: dict[tuple[int, int], Printed],
) -> PublishedTable:
    cells: list[Cell] = []
    counts: dict[str, float] = {}
    for i in values:
        head = heads[i]
        for line, label in labels.items():
            value = printed.get((line, i))
            if value is None:
                continue
            row = read_head(label)
            modality = None if row.is_average else modality_of(label)
            if head.role == "count":
                if modality is not None:
                    counts[modality] = value.value
                continue
            cells.append(
                Cell(
                    team=head.rest or names[i],
                    metric=head.metric,
                    modality=modality,
                    printed=value.scaled(head.scale) if head.scale != 1 else value,
                    line=line,
                    column=i,
                    name=names[i],
                    is_median=row.is_median,
                )
            )
    return _finished(path, cells, {}, {}, counts, [], heads, True)


def _finished(
    path: Path,
    cells: Sequence[Cell],
    ranks: dict[str, dict[str, float]],
    mean_ranks: dict[str, Printed],
    counts: dict[str, float],
    skipped: Sequence[str],
    heads: Sequence[Head],
    is_by_modality: bool,
) -> PublishedTable:
    if not cells:
        raise _bad(
            path,
            "no column of a metric",
            "names such as DSC, NSD, Time, or a modality with one of them",
        )
    percents = {
        metric
        for metric in {cell.metric for cell in cells}
        if _in_percent([c for c in cells if c.metric == metric], heads, metric)
    }
    found = tuple(_as_score(cell, cell.metric in percents) for cell in cells)
    teams = dict.fromkeys(cell.team for cell in found if cell.team is not None)
    return PublishedTable(
        path=path,
        cells=found,
        ranks=ranks,
        mean_ranks=mean_ranks,
        counts=counts,
        teams=tuple(teams),
        skipped=tuple(skipped),
        is_by_modality=is_by_modality,
    )


def _is_score(metric: str) -> bool:
    return metric in METRICS and METRICS[metric].unit == ""


def _in_percent(cells: Sequence[Cell], heads: Sequence[Head], metric: str) -> bool:
    """Whether a score from 0 to 1 is printed in percent, by its signs or by its size."""
    if not _is_score(metric):
        return False
    signs = sum(cell.printed.is_percent or heads[cell.column].is_percent for cell in cells)
    large = sum(cell.printed.value > 1 for cell in cells)
    return 2 * signs > len(cells) or 2 * large > len(cells)


def _as_score(cell: Cell, is_percent: bool) -> Cell:
    printed = cell.printed.scaled(0.01) if is_percent else cell.printed
    if _is_score(cell.metric):
        printed = printed.with_top(1.0)
    return replace(cell, printed=printed)
