"""The text of a table's file, whatever the encoding that a spreadsheet gave it."""

import codecs
from pathlib import Path

from data_manifest.errors import TableError

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


def bad_table(path: Path, found: str, expected: str = "a CSV file", mend: str = "") -> TableError:
    """What to raise of a file that is no such table."""
    return TableError(where=str(path), found=found, expected=expected, mend=mend)


def text_of(path: Path, data: bytes) -> tuple[str, tuple[str, ...]]:
    """A file's text, and a note where its encoding was not the usual one."""
    for begins, what in _OTHER_FILES.items():
        if data.startswith(begins):
            raise bad_table(path, what, mend=_AS_CSV)
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    half = len(data) // 2
    if not encoding and half and data.count(0) > half // 2:
        odd = data[1::2].count(0) >= data[::2].count(0)
        encoding = "utf-16-le" if odd else "utf-16-be"
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding:
            raise bad_table(
                path, f"can't be read as {encoding}: {error.reason}", mend=_AS_CSV
            ) from error
        text = _windows_text(path, data)
        return text, ("not in UTF-8; it was read as Windows-1252",)
    if "\0" in text:
        raise bad_table(
            path, f"a zero byte in line {_line_of(text, text.index(chr(0)))}", mend=_AS_CSV
        )
    return text, ()


def _windows_text(path: Path, data: bytes) -> str:
    """Text in Windows-1252, if it is that throughout: a mixture would garble names in silence."""
    lossy = data.decode("utf-8", "surrogateescape")
    strange = next(i for i, c in enumerate(lossy) if "\udc80" <= c <= "\udcff")
    where = f"line {_line_of(lossy, strange)}: byte 0x{ord(lossy[strange]) - 0xDC00:02X}"
    if any(c > "\x7f" and not "\udc80" <= c <= "\udcff" for c in lossy):
        raise bad_table(path, f"{where} is not UTF-8, and the rest is", mend=_AS_CSV)
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        strange = error.start
        where = f"line {data[:strange].count(10) + 1}: byte 0x{data[strange]:02X}"
        fault = f"{where} is neither UTF-8 nor Windows-1252"
        raise bad_table(path, fault, mend=_AS_CSV) from error


def _line_of(text: str, position: int) -> int:
    return len(text[:position].splitlines()) or 1
