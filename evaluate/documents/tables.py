"""Records to and from files: CSV and strict JSON, written so that a reader sees all or nothing."""

import csv
import io
import json
import math
import os
import sys
import tempfile
import types
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, TypeVar

import msgspec

from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import TableError
from evaluate.facts.scores import (
    CaseScore,
    CohortScore,
    LabelScore,
    LesionScore,
    ModalityScore,
    RoundScore,
)

Row = TypeVar(
    "Row", Attempt, LabelScore, LesionScore, CaseScore, RoundScore, ModalityScore, CohortScore
)

_VALUES = "values"
_SORTED_BY = ("team", "case", "modality", "metric", "round", "label")
_QUOTED = ("=", "+", "-", "@", "\t", "'")
"""Text that begins so gets a quote before it: a spreadsheet would calculate or hide it."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file so that a reader, or a power failure, sees the old one or the new one."""
    with _replacing(path) as stream:
        stream.write(data)


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """Whatever the system refuses names this path: that of a full disk names none."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file to write, which takes the place of the old one when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with named_in_errors(path), os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, not only the files' bytes."""
    if sys.platform == "win32":
        return  # no folder can be opened there
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, data: object, *, lines_down_to: int | None = None) -> None:
    """Write strict JSON (no NaN, no infinity), atomically.

    Args:
        path: the file.
        data: what it holds.
        lines_down_to: so many levels of objects have a line for each key, and what is deeper stands
            on one line: of 50 teams, indented numbers would fill more than half of the file. None
            indents everything.
    """
    if lines_down_to is None:
        text = json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False)
    else:
        text = _in_lines(data, lines_down_to)
    write_atomically(path, f"{text}\n".encode())


def write_document(path: Path, document: msgspec.Struct) -> None:
    """Write a document, atomically."""
    write_json(path, msgspec.to_builtins(document))


def _in_lines(data: object, levels: int) -> str:
    if levels and isinstance(data, dict) and data:
        lines = (
            f"{json.dumps(str(key), ensure_ascii=False)}: {_in_lines(value, levels - 1)}"
            for key, value in data.items()
        )
        return "{\n" + ",\n".join(lines) + "\n}"
    return json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _to_cell(value: object) -> str:
    """A cell of a table: full float precision, empty for no value, no formula for a spreadsheet."""
    if value is None:
        return ""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no value of a table; no value is None")
        return repr(float(value))
    text = str(value)
    return f"'{text}" if text[:1] in _QUOTED and isinstance(value, str) else text


def write_table(
    path: Path,
    rows: Iterable[Any],
    kind: type[msgspec.Struct],
    *,
    metrics: Sequence[str] = (),
    as_they_come: bool = False,
) -> None:
    """Write records of one kind as a CSV file: a header row, rows sorted by their identifiers.

    A field with a default is a column only where some row has another value. In the place of a
    field `values` stands a column for each metric.

    Args:
        path: the file.
        rows: of one kind.
        kind: theirs.
        metrics: columns that are there whether a row has a value or not, in this order.
        as_they_come: whether the rows are sorted already, and have these columns and no others, so
            that none is held after it is written.
    """
    if as_they_come:
        columns = columns_of((), kind, metrics)
    else:
        rows = list(rows)
        columns = columns_of(rows, kind, metrics)
        rows = sorted_rows(rows, columns)
    with _replacing(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(
                [
                    _to_cell(row.values.get(column) if is_metric else getattr(row, column))
                    for column, is_metric in columns.items()
                ]
            )
        text.flush()
        text.detach()


def in_order(identifier: int | str) -> tuple[int, int, str]:
    """Numbers by their value, before names."""
    return (0, identifier, "") if isinstance(identifier, int) else (1, 0, identifier)


def sorted_rows(rows: Iterable[Any], columns: Collection[str]) -> list[Any]:
    """By their identifiers."""
    keys = [key for key in _SORTED_BY if key in columns]
    return sorted(rows, key=lambda row: [in_order(getattr(row, key)) for key in keys])


def columns_of(
    rows: Sequence[Any], kind: type[msgspec.Struct], metrics: Sequence[str]
) -> dict[str, bool]:
    """Every column of a table of records, and whether it is a metric's."""
    columns: dict[str, bool] = {}
    for field in msgspec.structs.fields(kind):
        if field.name == _VALUES:
            columns |= dict.fromkeys(metrics, True)
            columns |= {name: True for row in rows for name in row.values}
        elif field.default is msgspec.NODEFAULT or any(
            getattr(row, field.name) != field.default for row in rows
        ):
            columns[field.name] = False
    return columns


def _from_cell(text: str, kind: Any) -> object:
    options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if text == "" and type(None) in options:
        return None
    if int in options and str in options:
        return int(text) if text.isdecimal() else text.removeprefix("'")
    target = next(option for option in options if option is not type(None))
    if target is str:
        return text.removeprefix("'")
    if isinstance(target, type) and issubclass(target, StrEnum | int | float):
        return target(text)
    raise TypeError(f"no way to read a {kind}")


def _to_number(text: str | None) -> float | None:
    """A metric's value; other tools write nan where they have none."""
    value = float(text) if text else math.nan
    return None if math.isnan(value) else value


def read_table(
    path: Path,
    kind: type[Row],
    *,
    defaults: Mapping[str, object] = MappingProxyType({}),
    metrics: Collection[str] | None = None,
    needed: Collection[str] = (),
) -> list[Row]:
    """Read a CSV file of one kind of record.

    Args:
        path: the file.
        kind: what its rows are.
        defaults: columns that may be missing, and what stands for them then.
        metrics: of records with values, the columns to take as such; None for all that are not
            fields. Other columns are ignored.
        needed: of these, those that must be there.

    Raises:
        TableError: the file is missing, lacks a column, or has a cell that can't be read.
    """
    fields = [field for field in msgspec.structs.fields(kind) if field.name != _VALUES]
    has_values = len(fields) < len(kind.__struct_fields__)
    columns = {field.name: field.type for field in fields}
    optional = {f.name: f.default for f in fields if f.default is not msgspec.NODEFAULT}
    defaults = optional | dict(defaults)
    mend = "make it again: `segjudge score`"
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            header = list(reader.fieldnames or ())
            absent = set(columns) - set(header)
            missing = sorted((absent - set(defaults)) | (set(needed) - set(header)))
            if missing:
                words = f"no column {', '.join(missing)}"
                raise TableError(where=str(path), found=words, mend=mend)
            wanted = [n for n in header if n not in columns and (metrics is None or n in metrics)]
            rows = []
            for cells in reader:
                try:
                    values: dict[str, Any] = {
                        name: defaults[name] if name in absent else _from_cell(cells[name] or "", t)
                        for name, t in columns.items()
                    }
                    if has_values:
                        values[_VALUES] = {n: _to_number(cells[n]) for n in wanted}
                except ValueError as error:
                    where = f"{path}, line {reader.line_num}"
                    raise TableError(where=where, found=str(error), mend=mend) from error
                rows.append(kind(**values))
            return rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        words = f"can't be read: {error}"
        raise TableError(where=str(path), found=words, mend=mend) from error
