"""Tables that other people made: a CSV file to text cells that know their line and their column.

Spreadsheets and tools of all countries write CSV: the encoding, the separator and the spelling of
the columns' names are found out here, and refused where they could be read in two ways. What the
cells mean is for the caller; `foreign_numbers` reads those that are numbers.
"""

import contextlib
import csv
import io
import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_manifest.errors import Finding, TableError
from data_manifest.findings import listed
from data_manifest.table_encodings import bad_table, text_of
from data_manifest.table_forms import rows_of_bytes, rows_of_text
from data_manifest.table_names import plain, quoted

_LARGEST = 256 << 20
_NAMED = 10
_ABOVE = 10
"""Rows among which the columns' names are looked for, to say where they are."""
_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
_LONGEST_NAME = 200


def _breaks_lines(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row.

    Attributes:
        line: of the file, from 1, where the row begins.
        cells: as many as there are columns, as they are written.
    """

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignTable:
    """A table as text.

    Attributes:
        path: of the file.
        columns: their names, without blanks around them; may be empty or doubled.
        rows: those that are not blank.
        notes: what was found out about the file and is worth a line, such as its encoding.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def where(self, row: Row, column: int) -> str:
        """Of a cell, for a message."""
        return f"{self.path}, line {row.line}, column {quoted(self.columns[column])}"

    def find(self, name: str) -> int | None:
        """The column of this name; written otherwise (case, blanks) if only one can be meant.

        Raises:
            TableError: there are several.
        """
        for same in (str, plain):
            matches = [i for i, known in enumerate(self.columns) if same(known) == same(name)]
            if len(matches) == 1:
                return matches[0]
            if matches:
                numbers = ", ".join(str(i + 1) for i in matches)
                names = ", ".join(dict.fromkeys(quoted(self.columns[i]) for i in matches))
                raise TableError(
                    where=f"{self.path}, line 1",
                    found=f"columns {numbers} are all named {names}",
                    expected=f"one column {quoted(name)}",
                    mend="rename or remove the others",
                )
        return None

    def need(self, *names: str, mend: str = "rename the columns, or add them") -> list[int]:
        """The columns of these names.

        Args:
            names: of columns.
            mend: what to do where one is missing.

        Raises:
            TableError: one is missing or there more than once.
        """
        indices = [self.find(name) for name in names]
        missing = [
            quoted(name) for name, index in zip(names, indices, strict=True) if index is None
        ]
        if missing:
            raise TableError(
                where=f"{self.path}, line 1",
                found=f"no column {', '.join(missing)}; the columns are"
                f" {listed(map(quoted, self.columns))}",
                expected="a first row with the columns' names, parted by commas, semicolons"
                " or tabs",
                mend=mend,
            )
        return [index for index in indices if index is not None]

    def text(self, row: Row, column: int) -> str:
        """A cell's text: composed, without blanks around it and without a spreadsheet's quote."""
        text = unicodedata.normalize("NFC", row.cells[column]).strip()
        # Our own tables keep formulas from spreadsheets so.
        return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@", "'") else text

    def spelled_alike(self, column: int) -> Iterator[Finding]:
        """Names of a column that differ by what a reader can't see, or that no line can hold."""
        first: dict[str, dict[str, Row]] = {}
        for row in self.rows:
            written = row.cells[column]
            if len(written) > _LONGEST_NAME or any(map(_breaks_lines, written.strip())):
                yield Finding(
                    where=self.where(row, column),
                    found=quoted(written),
                    expected=f"a name in one line of at most {_LONGEST_NAME} printable characters",
                    mend="write it so",
                )
            first.setdefault(plain(written), {}).setdefault(written, row)
        for spellings in first.values():
            if len(spellings) > 1:
                named = [f"{quoted(text)} (line {row.line})" for text, row in spellings.items()]
                yield Finding(
                    where=f"{self.path}, column {quoted(self.columns[column])}",
                    found=f"{listed(named)}: names that differ by blanks, capitals or the form of"
                    " Unicode alone",
                    expected="one spelling of each name",
                    mend="write them alike, or rename one",
                )


def read_foreign_table(
    path: Path, *, needed: Sequence[str] = (), largest: int = _LARGEST
) -> ForeignTable:
    """Read a table: CSV in UTF-8, UTF-16 or Windows-1252, or another form that `table_forms` knows.

    Args:
        path: the file.
        needed: names of columns that tell the separator where several could be.
        largest: bytes that are read at most.

    Raises:
        TableError: the file can't be read, its separator can't be told, or a row is too short or
            too long; with the line.
    """
    data, separator = _bytes(path, largest), ""
    notes: tuple[str, ...] = ()
    typed = rows_of_bytes(path, data)
    if typed is None:
        text, notes = text_of(path, data)
        typed = rows_of_text(path, text)
    if typed is None:
        said, text = _separator_line(text)
        separator = said or _separator(path, text, needed)
        written = _rows(path, text, separator, 2 if said else 1)
    else:
        written = (Row(line=line, cells=cells) for line, cells in typed)
    rows = [row for row in written if any(map(str.strip, row.cells))]
    if not rows:
        raise bad_table(path, "an empty file", "a row with the columns' names, and rows below it")
    _check_first(path, rows, needed)
    columns = list(map(str.strip, rows[0].cells))
    while columns and not columns[-1]:
        columns.pop()
    body, problems = [], []
    for row in rows[1:]:
        cells = list(row.cells)
        while len(cells) > len(columns) and not cells[-1].strip():
            cells.pop()  # spreadsheets write separators for cells that were once used
        if len(cells) != len(columns):
            problems.append(_wrong_length(path, row, columns, separator))
        elif list(map(plain, cells)) == list(map(plain, columns)):
            problems.append(_repeated(path, row))
        body.append(Row(line=row.line, cells=tuple(cells)))
    if problems:
        more = len(problems) - _NAMED
        fault = f"{more} more rows such as these"
        rest = [Finding(where=str(path), found=fault, mend="mend them in the same way")]
        raise TableError(*problems[:_NAMED], *(rest if more > 0 else ()))
    return ForeignTable(path=path, columns=tuple(columns), rows=tuple(body), notes=notes)


def _matches(row: Row, needed: Sequence[str]) -> int:
    """How many of the names that are needed a row holds."""
    return len(set(map(plain, needed)).intersection(map(plain, row.cells)))


def _check_first(path: Path, rows: Sequence[Row], needed: Sequence[str]) -> None:
    """Refuse a table whose columns' names stand below a title or a merged row."""
    best = max(rows[:_ABOVE], key=lambda row: _matches(row, needed))
    above = rows[: rows.index(best)]
    if above and _matches(best, needed) > 1:
        shown = listed(quoted(cell) for cell in above[0].cells if cell.strip())
        raise bad_table(
            path,
            f"line {above[0].line} ({shown}) stands above the columns' names in line {best.line}",
            "the columns' names first",
            f"remove what stands above line {best.line}",
        )


def _repeated(path: Path, row: Row) -> Finding:
    where, found = f"{path}, line {row.line}", "the columns' names once more"
    return Finding(where=where, found=found, expected="values", mend="remove the row")


def _wrong_length(path: Path, row: Row, columns: Sequence[str], separator: str) -> Finding:
    count = len(row.cells)
    shown = listed(quoted(cell) for cell in row.cells)
    if count < len(columns):
        missing = listed(map(quoted, columns[count:]))
        mend = f"nothing stands for {missing}: write an empty cell for each value that is missing"
    else:
        mend = "remove what stands beside the table"
        if separator in _SEPARATORS:
            mend = f"put a value with {_SEPARATORS[separator]} in it in quotes"
        if separator == ",":
            mend += "; with decimal commas, part the columns by semicolons"
    return Finding(
        where=f"{path}, line {row.line}",
        found=f"{count} cells ({shown})",
        expected=f"{len(columns)}, as the first row has columns",
        mend=mend,
    )


def _bytes(path: Path, largest: int) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(largest + 1)
    except OSError as error:
        raise bad_table(path, f"can't be read: {error.strerror}") from error
    if len(data) > largest:
        raise bad_table(path, f"more than {largest >> 20} MiB")
    return data


def _separator_line(text: str) -> tuple[str, str]:
    """What Excel's own first line `sep=;` says, and the text after it."""
    first, end, rest = text.partition("\n")
    said = first.strip().strip('"')
    if end and said.startswith("sep=") and said[4:] in _SEPARATORS:
        return said[4:], rest
    return ("\t", rest) if end and first.strip("\r\n") == "sep=\t" else ("", text)


def _separator(path: Path, text: str, needed: Sequence[str]) -> str:
    """The separator under which a row has most of the names that are needed."""
    ranks = {}
    for separator in _SEPARATORS:
        first: list[Row] = []
        with contextlib.suppress(TableError):  # raised again where it is this separator
            some = (row for row in _rows(path, text, separator) if any(row.cells))
            first.extend(itertools.islice(some, _ABOVE))
        if first:
            matches = max(_matches(row, needed) for row in first)
            ranks[separator] = (matches, len(first[0].cells))
    if not ranks:
        list(_rows(path, text, ","))  # raises what is wrong with it
        return ","
    best = max(ranks.values())
    tied = [separator for separator, rank in ranks.items() if rank == best]
    if len(tied) > 1 and best[1] > 1:
        names = " or ".join(_SEPARATORS[s] for s in tied)
        raise bad_table(
            path,
            f"line 1 can be parted by {names}",
            "one separator",
            "put names with such a sign in quotes",
        )
    return tied[0]


def _rows(path: Path, text: str, separator: str, first: int = 1) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = first
    try:
        for cells in reader:
            yield Row(line=line, cells=tuple(cells))
            line = reader.line_num + first
    except csv.Error as error:
        raise bad_table(path, f"line {line}: {error}", mend="close every quote") from error
