"""Records to and from files: CSV and strict JSON, written so that a reader sees all or nothing."""

import csv
import dataclasses
import io
import json
import math
import os
import tempfile
import types
import typing
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Problem, TableError
from evaluate.facts.scores import CaseScore, LabelScore, ModalityScore

__all__ = ["read_table", "sync_folder", "write_atomically", "write_json", "write_table"]

Row = TypeVar("Row", Attempt, LabelScore, CaseScore, ModalityScore)

_SORTED_BY = ("team", "case", "modality", "metric", "round", "label")
_QUOTED = ("=", "+", "-", "@", "\t", "'")
"""Text that begins so gets a quote before it: a spreadsheet would calculate or hide it."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file so that a reader, or a power failure, sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
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


def write_table(path: Path, rows: Iterable[Any], kind: type) -> None:
    """Write records of one kind as a CSV file: a header row, rows sorted by their identifiers.

    A field with a default is a column only where some row has another value.
    """
    rows = list(rows)
    columns = [
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING
        or any(getattr(row, field.name) != field.default for row in rows)
    ]
    keys = [key for key in _SORTED_BY if key in columns]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in sorted(rows, key=lambda row: [getattr(row, key) for key in keys]):
        writer.writerow([_to_cell(getattr(row, column)) for column in columns])
    write_atomically(path, stream.getvalue().encode("utf-8"))


def _from_cell(text: str, kind: Any) -> object:
    options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if text == "" and type(None) in options:
        return None
    target = next(option for option in options if option is not type(None))
    if target is str:
        return text.removeprefix("'")
    if isinstance(target, type) and issubclass(target, StrEnum | int | float):
        return target(text)
    raise TypeError(f"no way to read a {kind}")


def read_table(
    path: Path, kind: type[Row], *, defaults: Mapping[str, object] = MappingProxyType({})
) -> list[Row]:
    """Read a CSV file of one kind of record; columns of other names are ignored.

    Args:
        path: the file.
        kind: what its rows are.
        defaults: columns that may be missing, and what stands for them then.

    Raises:
        TableError: the file is missing, lacks a column, or has a cell that can't be read.
    """
    fields = dataclasses.fields(kind)
    columns = {field.name: field.type for field in fields}
    optional = {f.name: f.default for f in fields if f.default is not dataclasses.MISSING}
    defaults = optional | dict(defaults)
    mend = "make it again: `segjudge score`"
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            absent = set(columns) - set(reader.fieldnames or ())
            missing = sorted(absent - set(defaults))
            if missing:
                found = f"no column {', '.join(missing)}"
                raise TableError(Problem(where=str(path), found=found, mend=mend))
            rows = []
            for cells in reader:
                try:
                    values = {
                        name: defaults[name] if name in absent else _from_cell(cells[name] or "", t)
                        for name, t in columns.items()
                    }
                except ValueError as error:
                    where = f"{path}, line {reader.line_num}"
                    raise TableError(Problem(where=where, found=str(error), mend=mend)) from error
                rows.append(kind(**values))  # type: ignore[arg-type]  # checked cell by cell above
            return rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        found = f"can't be read: {error}"
        raise TableError(Problem(where=str(path), found=found, mend=mend)) from error
