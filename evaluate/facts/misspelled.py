"""Keys of a file that nobody knows: each is told with the one that is most like it."""

import functools
from collections.abc import Iterable
from typing import Any, get_args, get_origin

import msgspec

from data_manifest.errors import Finding

_OPEN = ("scoring.metrics",)
"""Tables with further keys, whose values are no tables: the metrics know them."""


def most_like(word: str, known: Iterable[str]) -> str:
    """What was perhaps meant, as advice; empty if nothing is like it.

    >>> most_like("toleranc_mm", ["tolerance_mm", "reading"])
    'did you mean `tolerance_mm`?'
    """
    from difflib import get_close_matches  # takes a while, and most files are spelled well

    near = get_close_matches(word, list(known), n=1)
    return f"did you mean `{near[0]}`?" if near else ""


def known_part(data: Any, struct: type, where: str = "") -> tuple[Any, list[Finding]]:
    """Plain data without the keys that no field has, and a finding for each of these.

    Args:
        data: of a file; not changed.
        struct: the type that it is to become.
        where: the key of this part; empty for the whole file.
    """
    if not isinstance(data, dict):
        return data, []
    types = _types(struct)
    clean: dict[Any, Any] = {}
    strange: list[Finding] = []
    for key, value in data.items():
        path = f"{where}.{key}" if where else str(key)
        is_open = where in _OPEN and not isinstance(value, dict | list)
        if key not in types and not is_open:
            fault, expected = "a key that nobody knows", f"one of {', '.join(types)}"
            mend = most_like(str(key), types)
            if mend:
                expected = ""
            strange.append(Finding(where=path, found=fault, expected=expected, mend=mend))
            continue
        clean[key] = value
        inner = _struct(types.get(key))
        if inner is None:
            continue
        if isinstance(value, list):
            parts = [known_part(part, inner, path) for part in value]
            clean[key] = [part for part, _ in parts]
        elif get_origin(types[key]) is dict and isinstance(value, dict):
            named = {n: known_part(part, inner, f"{path}.{n}") for n, part in value.items()}
            parts = [*named.values()]
            clean[key] = {n: part for n, (part, _) in named.items()}
        else:
            parts = [known_part(value, inner, path)]
            clean[key] = parts[0][0]
        strange += [finding for _, findings in parts for finding in findings]
    return clean, strange


@functools.cache
def _types(struct: type) -> dict[str, object]:
    """Of its fields, by their keys; to find them takes longer than to read a file."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(struct)}


def _struct(kind: object) -> type | None:
    """The table that a key holds, one or many; None for a value."""
    for part in (kind, *get_args(kind)):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            return part
    return None
