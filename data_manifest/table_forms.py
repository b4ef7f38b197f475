"""Tables that are no CSV: spreadsheets, Parquet, JSON lines, and tables in Markdown and LaTeX.

Each becomes rows of text, as a CSV file's, with the line that a reader can look up. What is not
surely one text a cell is refused by its cell.
"""

import importlib.util
import io
import json
import math
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from data_manifest.errors import TableError

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

_Line: TypeAlias = tuple[int, tuple[str, ...]]
"""A row, after the number of its line, from 1."""
Rows: TypeAlias = list[_Line]

_STYLE = re.compile(r"\\(?:textbf|textit|emph|underline|mathbf|mathrm|text)\{([^{}]*)\}")
_RULES = re.compile(
    r"\\(?:hline|toprule|midrule|bottomrule|addlinespace)(?:\[[^]]*\])?"
    r"|\\c(?:line|midrule)(?:\([^)]*\))?(?:\[[^]]*\])?\{[^{}]*\}"
)
_TABULAR = re.compile(
    r"\\begin\{(tabular[*xy]?|longtable|tabularray)\}(?P<body>.*?)\\end\{\1\}", re.DOTALL
)
_EMPHASIS = re.compile(r"(\*\*|__|\*|`)(\S|\S.*?\S)\1")


def _bad(where: str, found: str, expected: str, mend: str = "") -> TableError:
    return TableError(where=where, found=found, expected=expected, mend=mend)


def _as_text(value: object, where: str) -> str:
    """One cell of a typed table."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        kind = "a date" if isinstance(value, date | datetime | time) else repr(value)
        mend = "write it as text" if kind == "a date" else ""
        raise _bad(where, f"{kind} ({value})" if mend else kind, "text or a number", mend)
    return value if isinstance(value, str) else repr(value)


def _need(path: Path, form: str, package: str, extra: str) -> None:
    """Raise where a package that reads a form is not installed."""
    if importlib.util.find_spec(package) is None:
        mend = f"pip install 'segjudge[{extra}]', or save it as CSV in UTF-8"
        raise _bad(str(path), form, f"package {package}, which reads it", mend)


def rows_of_bytes(path: Path, data: bytes) -> Rows | None:
    """The rows of a spreadsheet or of a Parquet file; None where it is neither.

    Raises:
        TableError: it can't be read, or a cell can be read in two ways.
    """
    if data.startswith(b"PAR1"):
        return _parquet(path, data)
    if data.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                is_workbook = "xl/workbook.xml" in archive.namelist()
        except zipfile.BadZipFile:
            return None
        return _workbook(path, data) if is_workbook else None
    return None


def _parquet(path: Path, data: bytes) -> Rows:
    _need(path, "a Parquet file", "pyarrow", "parquet")
    import pandas as pd

    try:
        frame = pd.read_parquet(io.BytesIO(data), engine="pyarrow")
    except Exception as error:  # whatever a damaged file makes of the library
        raise _bad(str(path), f"can't be read: {error}", "a Parquet file") from error
    named = [name for name in frame.index.names if name is not None]
    frame = (frame.reset_index() if named else frame).astype(object)
    frame = frame.where(frame.notna(), None)
    rows: Rows = [(1, tuple(map(str, frame.columns)))]
    for number, values in enumerate(frame.itertuples(index=False, name=None), start=2):
        where = f"{path}, row {number - 1}"
        rows.append(
            (
                number,
                tuple(
                    _as_text(getattr(value, "item", lambda v=value: v)(), f"{where}, {name}")
                    for name, value in zip(frame.columns, values, strict=True)
                ),
            )
        )
    return rows


def _workbook(path: Path, data: bytes) -> Rows:
    _need(path, "a spreadsheet", "openpyxl", "excel")
    import openpyxl

    try:
        values, formulas = (
            openpyxl.load_workbook(io.BytesIO(data), data_only=known) for known in (True, False)
        )
    except Exception as error:  # whatever a damaged file makes of the library
        raise _bad(str(path), f"can't be read: {error}", "a spreadsheet (.xlsx)") from error
    filled = [s for s in values.worksheets if any(c is not None for r in s.values for c in r)]
    if len(filled) > 1:
        names = ", ".join(repr(sheet.title) for sheet in filled)
        mend = "remove the others, or save the one that is meant as CSV"
        raise _bad(str(path), f"{len(filled)} sheets with cells: {names}", "one", mend)
    return [row for sheet in filled for row in _sheet(path, sheet, formulas[sheet.title])]


def _sheet(path: Path, sheet: "Worksheet", formulas: "Worksheet") -> Iterator[_Line]:
    if sheet.merged_cells.ranges:
        area = str(next(iter(sheet.merged_cells.ranges)))
        raise _bad(f"{path}, {area}", "merged cells", "a value in every cell", "unmerge them")
    hidden = [f"row {n}" for n, row in sheet.row_dimensions.items() if row.hidden]
    hidden += [
        f"column {name}" for name, column in sheet.column_dimensions.items() if column.hidden
    ]
    if hidden:
        mend = "show it, or delete it: a filter hides rows"
        raise _bad(str(path), f"{hidden[0]} is hidden", "rows and columns that can be seen", mend)
    for row, source in zip(sheet.iter_rows(), formulas.iter_rows(), strict=True):
        cells = []
        for cell, written in zip(row, source, strict=True):
            where = f"{path}, cell {cell.coordinate}"
            if cell.value is None and written.value is not None:
                mend = "open it in a spreadsheet program and save it, or save it as CSV"
                raise _bad(where, f"{written.value} without its value", "a value", mend)
            cells.append(_as_text(cell.value, where))
        yield row[0].row, tuple(cells)


def rows_of_text(path: Path, text: str) -> Rows | None:
    """The rows of JSON lines, or of a Markdown or LaTeX table; None for separated values.

    Raises:
        TableError: a row or cell can be read in two ways, with its line.
    """
    first = text.lstrip()[:1]
    suffix = path.suffix.casefold()
    if suffix in (".jsonl", ".ndjson") or first == "{":
        return _json_lines(path, text)
    if suffix == ".tex" or _TABULAR.search(text):
        return _latex(path, text)
    if suffix in (".md", ".markdown") or first == "|":
        return _markdown(path, text)
    return None


def _json_lines(path: Path, text: str) -> Rows:
    objects: list[tuple[int, dict[str, object]]] = []

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        known = dict(pairs)
        if len(known) < len(pairs):
            raise ValueError("a key that is there twice")
        return known

    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, object_pairs_hook=once)
        except ValueError as error:
            mend = "one object a line"
            raise _bad(f"{path}, line {number}", str(error), "a JSON object", mend) from error
        if not isinstance(value, dict):
            raise _bad(f"{path}, line {number}", repr(value), "a JSON object", "one a line")
        objects.append((number, value))
    names = list(dict.fromkeys(name for _, value in objects for name in value))
    rows: Rows = [(0, tuple(names))] if objects else []
    for number, value in objects:
        where = f"{path}, line {number}"
        cells = (_as_text(value.get(name), f"{where}, key {name!r}") for name in names)
        rows.append((number, tuple(cells)))
    return rows


def _markdown(path: Path, text: str) -> Rows:
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), start=1)]
    inside = [(n, line) for n, line in lines if line.startswith("|")]
    gaps = [after for (before, _), (after, _) in pairwise(inside) if after > before + 1]
    if gaps:
        raise _bad(
            str(path), f"two tables: another one begins in line {gaps[0]}", "one", "leave one"
        )
    rule = re.compile(r"\|(\s*:?-+:?\s*\|)+")
    if len(inside) < 2 or not rule.fullmatch(inside[1][1]):
        where = f"{path}, line {inside[1][0] if len(inside) > 1 else 1}"
        raise _bad(where, "no line of dashes", "| names | of | columns |, then |---|---|---|")
    return [
        (n, tuple(_unmarked(cell) for cell in re.split(r"(?<!\\)\|", line.strip("|"))))
        for n, line in (inside[0], *inside[2:])
    ]


def _unmarked(cell: str) -> str:
    return _EMPHASIS.sub(r"\2", cell.strip()).replace("\\|", "|").strip()


def _latex(path: Path, text: str) -> Rows:
    tables = list(_TABULAR.finditer(text))
    if len(tables) != 1:
        raise _bad(str(path), f"{len(tables)} tables", r"one \begin{tabular}", "leave one")
    (table,) = tables
    body, begins = table["body"], text[: table.start("body")].count("\n") + 1
    body = re.sub(r"(?<!\\)%.*", "", body)
    spec = re.match(r"\s*(?:\{[^{}]*\})?\s*(?:\[[^]]*\])?\s*\{(?:[^{}]|\{[^{}]*\})*\}", body)
    at = spec.end() if spec else 0
    rows: Rows = []
    for part in re.finditer(r"(.*?)(?:\\\\(?:\[[^]]*\])?|\Z)", body[at:], re.DOTALL):
        written = _RULES.sub(lambda rule: " " * len(rule[0]), part[1])
        if written.strip():
            blank = len(written) - len(written.lstrip())
            line = begins + body[: at + part.start() + blank].count("\n")
            cells = re.split(r"(?<!\\)&", written)
            rows.append((line, tuple(_unlatexed(cell, f"{path}, line {line}") for cell in cells)))
    return rows


def _unlatexed(cell: str, where: str) -> str:
    """A cell's text, without what only changes its looks."""
    plain = cell.replace("$", " ").replace("~", " ")
    while _STYLE.search(plain):
        plain = _STYLE.sub(r"\1", plain)
    plain = re.sub(r"\\([_%&#])", r"\1", plain).replace("{,}", ",")
    if "\\" in plain or "{" in plain:
        mend = "write the text itself, one value a cell"
        raise _bad(where, cell.strip(), "a cell without commands", mend)
    return " ".join(plain.split())
