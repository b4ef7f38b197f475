"""CSV tables compared cell by cell, as text: bit for bit, whatever a stranger wrote into one."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from data_manifest.errors import printable
from data_manifest.findings import Cell

_ABSENT = object()
_LONGEST = 200


def differing_leaves(
    name: str, recorded: object, recomputed: object, *, ignored: frozenset[str] = frozenset()
) -> list[Cell]:
    """Every leaf that differs, in order of the paths.

    Paths that are ignored may differ with all below them.

    >>> differing_leaves("x.json", {"a": {"b": 1}}, {"a": {"b": 2}})
    [Cell(where='x.json, a.b', recorded='1', found='2')]
    """
    return [
        Cell(where=f"{name}, {path}", recorded=_shown(old), found=_shown(new))
        for path, old, new in _leaves(recorded, recomputed, "")
        if not any(path == skip or path.startswith((f"{skip}.", f"{skip}[")) for skip in ignored)
    ]


def _leaves(old: object, new: object, path: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            below = f"{path}.{key}" if path else str(key)
            yield from _leaves(old.get(key, _ABSENT), new.get(key, _ABSENT), below)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (first, second) in enumerate(zip(old, new, strict=True)):
            yield from _leaves(first, second, f"{path}[{index}]")
    elif type(old) is not type(new) or old != new:
        yield path, old, new


def _shown(value: object) -> str:
    if value is _ABSENT:
        return "nothing"
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def renamed(document: object, names: Mapping[str, str]) -> object:
    """The document with keys and texts replaced, as if teams had other names.

    >>> renamed({"a": [1, "b"], "c": {}}, {"a": "b", "b": "a"})
    {'b': [1, 'a'], 'c': {}}
    """
    if isinstance(document, dict):
        return {names.get(key, key): renamed(value, names) for key, value in document.items()}
    if isinstance(document, list):
        return [renamed(value, names) for value in document]
    return names.get(document, document) if isinstance(document, str) else document


_KEYS = ("team", "case", "modality", "metric", "round", "label")

Key = tuple[tuple[str, str], ...]
"""What names a row: its identifying columns and their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as text.

    Attributes:
        name: of its file.
        rows: by what names them.
        problem: why it can't be read; empty if it was.
        doubled: rows that are there more than once.
    """

    name: str
    rows: Mapping[Key, Mapping[str, str]]
    problem: str = ""
    doubled: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDifference:
    """A row that differs: in some cells, or in being there at all.

    Without a recorded or a recomputed row, the table has it not or should not have it.
    """

    key: Key
    recorded: Mapping[str, str] | None
    found: Mapping[str, str] | None
    cells: tuple[Cell, ...]

    @property
    def team(self) -> str:
        """Whose row it is."""
        return dict(self.key).get("team", "")

    @property
    def case(self) -> str:
        """Of which case it is; empty in a table of teams or modalities."""
        return dict(self.key).get("case", "")


def read_cells(path: Path) -> Table:
    """Read a CSV file without believing anything of it."""
    rows: dict[Key, dict[str, str]] = {}
    counted: Counter[Key] = Counter()
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream, restkey="", restval=""):
                cells = {str(name): str(value) for name, value in row.items()}
                key = tuple((name, cells[name]) for name in _KEYS if name in cells)
                counted[key] += 1
                rows[key] = cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return Table(name=path.name, rows={}, problem=printable(f"can't be read: {error}"))
    doubled = tuple(key for key, count in counted.items() if count > 1)
    return Table(name=path.name, rows=rows, doubled=doubled)


def compare_tables(
    recorded: Table, recomputed: Table, *, swapped: Mapping[str, str] | None = None
) -> list[RowDifference]:
    """The rows that differ.

    Swapped are other names for the recorded table's teams, to see whether they explain it.
    """
    rows = recorded.rows
    if swapped:
        rows = {
            tuple((n, swapped.get(v, v) if n == "team" else v) for n, v in key): {
                n: swapped.get(v, v) if n == "team" else v for n, v in row.items()
            }
            for key, row in rows.items()
        }
    differences = []
    for key in sorted(rows.keys() | recomputed.rows.keys()):
        old, new = rows.get(key), recomputed.rows.get(key)
        where = f"{recorded.name}, {printable(' '.join(value for _, value in key))}"
        if old is None or new is None:
            cell = Cell(
                where=where,
                recorded="no such row" if old is None else "a row",
                found="no such row" if new is None else "a row",
            )
            differences.append(RowDifference(key=key, recorded=old, found=new, cells=(cell,)))
            continue
        cells = tuple(
            Cell(
                where=f"{where}, {printable(column)}",
                recorded=printable(old.get(column, "no such column")) or "empty",
                found=printable(new.get(column, "no such column")) or "empty",
            )
            for column in dict.fromkeys((*new, *old))
            if old.get(column) != new.get(column)
        )
        if cells:
            differences.append(RowDifference(key=key, recorded=old, found=new, cells=cells))
    return differences
