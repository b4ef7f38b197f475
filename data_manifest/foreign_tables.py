"""Tables that other people made: a CSV file to text cells that know their line and their column.

Spreadsheets and tools of all countries write CSV: the encoding, the separator and the spelling of
the columns' names are found out here, and refused where they could be read in two ways. What the
cells mean is for the caller; `foreign_numbers` reads those that are numbers.
"""

import codecs
import contextlib
import csv
import io
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_manifest.errors import Finding, TableError
from data_manifest.findings import listed
from data_manifest.table_forms import rows_of_bytes, rows_of_text

_LARGEST = 256 << 20
_NAMED = 10
_ABOVE = 10
"""Rows among which the columns' names are looked for, to say where they are."""
_SUMMARIES = {"all", "average", "avg", "gesamt", "max", "maximum", "mean", "means", "median", "min"}
_SUMMARIES |= {"minimum", "mittel", "mittelwert", "moyenne", "media", "overall", "promedio", "sd"}
_SUMMARIES |= {"std", "stdev", "std dev", "standard deviation", "sum", "total", "mean sd"}
_SUMMARIES |= {"mean std", "total average", "overall mean", "all cases"}
_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
_MARKS = (  # UTF-32's mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER_FILES = {
    b"PK\x03\x04": "a zip file that is no spreadsheet",
    b"\xd0\xcf\x11\xe0": "a spreadsheet (.xls)",
    b"\x1f\x8b": "a compressed file",
    b"SQLite": "a database",
}
_AS_CSV = "save it as CSV in UTF-8"
_LONGEST_NAME = 200


def plain(text: str) -> str:
    r"""A name without what a reader can't see: case, blanks, the form of Unicode.

    >>> plain(" Team\N{NO-BREAK SPACE}A") == plain("team a")
    True
    """
    visible = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return " ".join("".join(visible).casefold().split())


def says_summary(name: str) -> bool:
    """Whether a row of this name sums others up, and is none of a team or a case itself.

    >>> says_summary("Mean ± SD:"), says_summary("Mean shape")
    (True, False)
    """
    return " ".join(re.findall(r"[^\W\d_]+", plain(name))) in _SUMMARIES


def quoted(text: str) -> str:
    r"""A cell as a message shows it, with blanks and combining characters to be seen.

    >>> quoted("A\N{NO-BREAK SPACE}")
    "'A\\xa0'"
    """
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    hidden = any(unicodedata.category(c)[0] in "CMZ" and c != " " for c in shown)
    return ascii(shown) if hidden else repr(shown)


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
        text, notes = _text(path, data)
        typed = rows_of_text(path, text)
    if typed is None:
        said, text = _separator_line(text)
        separator = said or _separator(path, text, needed)
        written = _rows(path, text, separator, 2 if said else 1)
    else:
        written = (Row(line=line, cells=cells) for line, cells in typed)
    rows = [row for row in written if any(map(str.strip, row.cells))]
    if not rows:
        raise _bad(path, "an empty file", "a row with the columns' names, and rows below it")
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


def _bad(path: Path, found: str, expected: str = "a CSV file", mend: str = "") -> TableError:
    return TableError(where=str(path), found=found, expected=expected, mend=mend)


def _matches(row: Row, needed: Sequence[str]) -> int:
    """How many of the names that are needed a row holds."""
    return len(set(map(plain, needed)).intersection(map(plain, row.cells)))


def _check_first(path: Path, rows: Sequence[Row], needed: Sequence[str]) -> None:
    """Refuse a table whose columns' names stand below a title or a merged row."""
    best = max(rows[:_ABOVE], key=lambda row: _matches(row, needed))
    above = rows[: rows.index(best)]
    if above and _matches(best, needed) > 1:
        shown = listed(quoted(cell) for cell in above[0].cells if cell.strip())
        raise _bad(
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
        raise _bad(path, f"can't be read: {error.strerror}") from error
    if len(data) > largest:
        raise _bad(path, f"more than {largest >> 20} MiB")
    return data


def _text(path: Path, data: bytes) -> tuple[str, tuple[str, ...]]:
    """A file's text, and a note where its encoding was not the usual one."""
    for begins, what in _OTHER_FILES.items():
        if data.startswith(begins):
            raise _bad(path, what, mend=_AS_CSV)
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    half = len(data) // 2
    if not encoding and half and data.count(0) > half // 2:
        odd = data[1::2].count(0) >= data[::2].count(0)
        encoding = "utf-16-le" if odd else "utf-16-be"
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding:
            raise _bad(
                path, f"can't be read as {encoding}: {error.reason}", mend=_AS_CSV
            ) from error
        text = _windows_text(path, data)
        return text, ("not in UTF-8; it was read as Windows-1252",)
    if "\0" in text:
        raise _bad(path, f"a zero byte in line {_line_of(text, text.index(chr(0)))}", mend=_AS_CSV)
    return text, ()


def _windows_text(path: Path, data: bytes) -> str:
    """Text in Windows-1252, if it is that throughout: a mixture would garble names in silence."""
    lossy = data.decode("utf-8", "surrogateescape")
    strange = next(i for i, c in enumerate(lossy) if "\udc80" <= c <= "\udcff")
    where = f"line {_line_of(lossy, strange)}: byte 0x{ord(lossy[strange]) - 0xDC00:02X}"
    if any(c > "\x7f" and not "\udc80" <= c <= "\udcff" for c in lossy):
        raise _bad(path, f"{where} is not UTF-8, and the rest is", mend=_AS_CSV)
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        strange = error.start
        where = f"line {data[:strange].count(10) + 1}: byte 0x{data[strange]:02X}"
        fault = f"{where} is neither UTF-8 nor Windows-1252"
        raise _bad(path, fault, mend=_AS_CSV) from error


def _line_of(text: str, position: int) -> int:
    return len(text[:position].splitlines()) or 1


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
        raise _bad(
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
        raise _bad(path, f"line {line}: {error}", mend="close every quote") from error
