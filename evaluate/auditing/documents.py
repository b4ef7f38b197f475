"""JSON documents compared leaf by leaf, so that a difference is named by its path."""

import json
from collections.abc import Iterator, Mapping

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
