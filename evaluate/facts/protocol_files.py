"""Where protocols lie, and what a file says together with those that it is based on."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evaluate.facts.errors import Finding, ProtocolError

_LARGEST = 1e30
_LARGEST_LIMIT = 1e9
"""Of seconds and MiB that an engine takes."""
_BUILTIN = Path(__file__).parent.parent / "protocols"


def builtin_protocols() -> list[str]:
    """Names of the protocols that come with segjudge, sorted."""
    return sorted(path.stem for path in _BUILTIN.glob("*.toml"))


def protocol_text(name_or_path: str) -> str:
    """A protocol's file as it stands.

    Raises:
        ProtocolError: there is none, or it can't be read.
    """
    path = _path(name_or_path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def whole_file(name_or_path: str) -> tuple[dict[str, Any], str]:
    """What a protocol's file and its bases say together, and the path to name in messages.

    A base is named as on the command line; a path is looked for beside the file that names it. What
    the file says counts. Tables are joined key by key, a list of named tables name by name; any
    other list is the file's own.

    Raises:
        ProtocolError: a file is missing or can't be read, or is its own base.
    """
    seen: list[Path] = []
    data: dict[str, Any] = {}
    name: object = name_or_path
    while isinstance(name, str):
        path = _path(name, beside=seen[-1].parent if seen else None)
        if path.resolve() in {other.resolve() for other in seen}:
            raise ProtocolError(
                where=f"{seen[-1]}: base", found=name, expected="not one of its own heirs"
            )
        seen.append(path)
        try:
            own = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from error
        if faults := list(_odd_numbers(own, f"{path}: ")):
            raise ProtocolError(*faults)
        name = own.pop("base", None)
        data = _joined(own, data)
    if name is not None:
        raise ProtocolError(
            where=f"{seen[-1]}: base", found=repr(name), expected="a protocol's name"
        )
    return data, str(seen[0])


def _path(name: str, beside: Path | None = None) -> Path:
    if name in builtin_protocols():
        return _BUILTIN / f"{name}.toml"
    path = Path(name) if beside is None else beside / name
    if path.is_file():
        return path
    raise ProtocolError(
        where=f"protocol {name}",
        found="neither a built-in protocol nor a file",
        expected=f"one of {', '.join(builtin_protocols())}, or the path of a TOML file",
        mend="`segjudge protocol list` shows the built-in ones",
    )


def _unreadable(path: Path, error: Exception) -> ProtocolError:
    mend = "save it in UTF-8" if isinstance(error, UnicodeDecodeError) else ""
    fault, expected = f"can't be read: {error}", "a TOML file"
    return ProtocolError(where=str(path), found=fault, expected=expected, mend=mend)


def _odd_numbers(value: object, where: str) -> Iterator[Finding]:
    """Numbers that are none, or that no engine and no table holds."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            dot = "" if where.endswith(" ") else "."
            yield from _odd_numbers(part, f"{where}{dot}{key}")
    elif isinstance(value, int | float):
        largest = _LARGEST_LIMIT if ": limits." in where else _LARGEST
        if not abs(value) <= largest:  # nan is in no order
            yield Finding(where=where, found=str(value)[:40], expected=f"at most {largest:g}")


def _joined(base: object, own: object) -> Any:
    """What both say; the second counts."""
    if isinstance(base, dict) and isinstance(own, dict):
        both = {key: _joined(base[key], own[key]) for key in base if key in own}
        return base | own | both
    if isinstance(base, list) and isinstance(own, list):
        names = [_name(table) for table in (*base, *own)]
        if all(names):
            mine = {_name(table): table for table in own}
            kept = {_name(t): _joined(t, mine.get(_name(t), {})) for t in base}
            return [*kept.values(), *(t for name, t in mine.items() if name not in kept)]
    return own


def _name(table: object) -> str:
    name = table.get("name") if isinstance(table, dict) else None
    return name if isinstance(name, str) else ""
