"""Where two sets of rules differ, in words that name keys and both values."""

from collections.abc import Iterator

from evaluate.facts.rules import RUN_PARTS, Rules


def differing_keys(first: Rules, second: Rules, parts: tuple[str, ...] = RUN_PARTS) -> list[str]:
    """Every key of these parts that is not alike in both, as `limits.timeout_s 60.0 and 2.0`."""
    a, b = first.as_told.to_json(), second.as_told.to_json()
    return [text for part in parts for text in _differences(part, a[part], b[part])]


def _differences(path: str, first: object, second: object) -> Iterator[str]:
    if isinstance(first, dict) and isinstance(second, dict):
        for key in sorted(first.keys() | second.keys()):
            yield from _differences(f"{path}.{key}", first.get(key), second.get(key))
    elif first != second:
        yield f"{path} {first!r} and {second!r}"
