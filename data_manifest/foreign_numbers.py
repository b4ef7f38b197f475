"""Numbers in other people's tables: decimal commas, thousands, missing values, percent.

A comma between digits means two things in this world. What it means is told by the table as a
whole, and a table that does not tell, or tells both, is refused.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data_manifest.errors import Finding, TableError
from data_manifest.findings import listed
from data_manifest.foreign_tables import ForeignTable, Row
from data_manifest.table_names import quoted

MISSING_WORDS = frozenset(
    {"", "-", "--", "–", "—", ".", "?", "#n/a", "<na>", "n.a.", "n/a", "na", "nan", "-nan"}
    | {"nil", "none", "null", "missing", "nd"}
)
"""What stands for no value, in whatever capitals."""

_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")
_COMMA = re.compile(r"[+-]?(\d+,\d+|,\d+)(e[+-]?\d+)?")
_MAYBE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_THOUSANDS_AND_POINT = re.compile(r"[+-]?[1-9]\d{0,2}((,\d{3})+\.\d+|(,\d{3}){2,})")
_THOUSANDS_AND_COMMA = re.compile(r"[+-]?[1-9]\d{0,2}((\.\d{3})+,\d+|(\.\d{3}){2,})")
_BLANKS_IN_NUMBER = re.compile(r"(?<=\d)[ '’](?=\d{3}(\D|$))")
_INFINITE = re.compile(r"([+-]?)(inf(inity)?|∞)")
_FIRST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    row: Row
    column: int
    text: str
    is_percent: bool


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no value."""
    return text.strip().casefold() in MISSING_WORDS


def read_numbers(
    table: ForeignTable, columns: Sequence[int], *, fractions: Sequence[int] = ()
) -> tuple[dict[int, list[float | None]], list[str]]:
    """Read columns of numbers.

    Args:
        table: the table.
        columns: of numbers.
        fractions: those of them that are scores from 0 to 1; they may be printed in percent.

    Returns:
        The values of each column, None where a cell says that there is none, fractions from 0 to
        1; and notes on what was converted.

    Raises:
        TableError: cells that are no numbers, or could be two numbers; with line and column.
    """
    cells = {
        index: [_cell(row, index, table.text(row, index)) for row in table.rows]
        for index in columns
    }
    known = [cell for column in cells.values() for cell in column if not is_missing(cell.text)]
    comma = _comma_is_decimal(table, known)
    problems: list[Finding] = []
    values: dict[int, list[float | None]] = {}
    notes: list[str] = []
    for index, column in cells.items():
        read: list[float | None] = []
        for cell in column:
            value = None if is_missing(cell.text) else _number(cell.text, comma)
            if value is None and not is_missing(cell.text):
                problems.append(_no_number(table, cell))
            read.append(value)
        values[index] = read
    if problems:
        more = len(problems) - _FIRST
        more_found = f"{more} more cells that are no numbers"
        rest = [Finding(where=str(table.path), found=more_found, mend="mend them in the same way")]
        raise TableError(*problems[:_FIRST], *(rest if more > 0 else ()))
    for index, column in cells.items():
        in_percent = _in_percent(table, index, column, values[index], index in fractions)
        if in_percent and index in fractions:
            values[index] = [None if v is None else v / 100 for v in values[index]]
            name = quoted(table.columns[index])
            notes.append(f"column {name} is from 0 to 100: read as percent")
    return values, notes


def _cell(row: Row, column: int, text: str) -> _Cell:
    number = unicodedata.normalize("NFKC", text).replace("\N{MINUS SIGN}", "-").casefold().strip()
    is_percent = number.endswith("%") and len(number) > 1
    number = _BLANKS_IN_NUMBER.sub("", number.removesuffix("%").strip() if is_percent else number)
    return _Cell(row=row, column=column, text=number, is_percent=is_percent)


def _comma_is_decimal(table: ForeignTable, cells: Sequence[_Cell]) -> bool:
    """What a comma between digits is in this table.

    Raises:
        TableError: the table shows both, or a comma that could be either and nothing else.
    """
    commas: list[_Cell] = []
    points: list[_Cell] = []
    either: list[_Cell] = []
    for cell in cells:
        text = cell.text
        if _MAYBE_THOUSANDS.fullmatch(text):
            (either if "," in text else points).append(cell)
        elif _COMMA.fullmatch(text) or _THOUSANDS_AND_COMMA.fullmatch(text):
            commas.append(cell)
        elif ("." in text and _POINT.fullmatch(text)) or _THOUSANDS_AND_POINT.fullmatch(text):
            points.append(cell)
    mend = "write all numbers with a decimal point and without thousands separators"
    if commas and points:
        raise TableError(
            where=_where(table, points[0]),
            found=f"{_shown(table, points[0])}, and {_shown(table, commas[0])} in line"
            f" {commas[0].row.line}: a decimal point in one, a decimal comma in the other",
            expected="one of both throughout",
            mend=mend,
        )
    if either and not commas and not points:
        text = either[0].text
        raise TableError(
            where=_where(table, either[0]),
            found=f"{_shown(table, either[0])}, which may be {text.replace(',', '')} or"
            f" {text.replace(',', '.')}",
            expected="a number that can be read in one way",
            mend=mend,
        )
    return bool(commas)


def _number(text: str, comma_is_decimal: bool) -> float | None:
    """The number, None if it is none."""
    if infinite := _INFINITE.fullmatch(text):
        return float(f"{infinite[1]}inf")
    if comma_is_decimal:
        if _THOUSANDS_AND_COMMA.fullmatch(text):
            text = text.replace(".", "")
        elif "." in text:
            return None
        text = text.replace(",", ".")
    elif _THOUSANDS_AND_POINT.fullmatch(text) or _MAYBE_THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    number = float(text) if _POINT.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None  # 1e400 is no number either


def _no_number(table: ForeignTable, cell: _Cell) -> Finding:
    return Finding(
        where=_where(table, cell),
        found=f"{_shown(table, cell)} is no number",
        expected="a number, or an empty cell where there is none",
        mend="one number a cell, without spread or unit",
    )


def _in_percent(
    table: ForeignTable,
    index: int,
    cells: Sequence[_Cell],
    values: Sequence[float | None],
    is_fraction: bool,
) -> bool:
    """Whether a column is in percent.

    Raises:
        TableError: one part of it is and another is not, or a score is outside of both scales.
    """
    known = [(cell, v) for cell, v in zip(cells, values, strict=True) if v is not None]
    signed = [cell for cell, _ in known if cell.is_percent]
    plain_cells = [cell for cell, value in known if not cell.is_percent and value != 0]
    if signed and plain_cells:
        raise _mixed(table, plain_cells, signed, "without a percent sign", "with one")
    if not is_fraction:
        return bool(signed)
    outside = [cell for cell, value in known if not 0 <= value <= 100]
    if outside:
        raise TableError(
            where=_where(table, outside[0]),
            found=f"{_shown(table, outside[0])}; {len(outside)} such cells",
            expected="a score from 0 to 1, or from 0 to 100 throughout",
            mend="mend the cells",
        )
    large = [cell for cell, value in known if value > 1]
    small = [cell for cell, value in known if 0 < value <= 1]
    if large and small and not signed:
        raise _mixed(table, small, large, "from 0 to 1", "above 1")
    return bool(large or signed)


def _mixed(
    table: ForeignTable, some: Sequence[_Cell], others: Sequence[_Cell], one: str, other: str
) -> TableError:
    name = quoted(table.columns[some[0].column])
    return TableError(
        where=f"{table.path}, column {name}",
        found=f"{_counted(table, some)} {one}, and {_counted(table, others)} {other}",
        expected="one scale in a column",
        mend="write all of them as fractions, or all in percent; 0.4 % is 0.004",
    )


def _counted(table: ForeignTable, cells: Sequence[_Cell]) -> str:
    first: Iterator[str] = (f"{_shown(table, c)} in line {c.row.line}" for c in cells[:3])
    return f"{len(cells)} values ({listed(first)}{', …' if len(cells) > 3 else ''})"


def _shown(table: ForeignTable, cell: _Cell) -> str:
    return quoted(cell.row.cells[cell.column])


def _where(table: ForeignTable, cell: _Cell) -> str:
    return table.where(cell.row, cell.column)
