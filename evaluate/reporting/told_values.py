"""Values of a protocol's keys as they are read aloud."""

_RULES = {
    "worst": "the worst value",
    "diagonal": "the image's diagonal",
    "skip": "left out",
    "undefined": "the case has no value",
    "computed": "what it makes of an empty mask",
}


def shown(value: object) -> str:
    """A value in words: no digit is lost."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, dict):
        return joined([f"{key} {shown(part)}" for key, part in value.items()])
    if isinstance(value, tuple | list):
        return joined([shown(part) for part in value])
    return str(value)


def joined(words: list[str]) -> str:
    """Words with commas.

    >>> joined(["a", "b", "c"]), joined([])
    ('a, b and c', 'none')
    """
    if len(words) < 2:
        return "".join(words) or "none"
    return f"{', '.join(words[:-1])} and {words[-1]}"


def rule_shown(rule: float | str) -> str:
    """What counts for an empty mask."""
    return _RULES[rule] if isinstance(rule, str) else shown(float(rule))
