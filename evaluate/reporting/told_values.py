"""Values of a protocol's keys as they are read aloud."""

from pathlib import Path

import msgspec


class _Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sentences: dict[str, str | tuple[str, str]]
    choices: dict[str, dict[str, str]]


_WORDS = msgspec.toml.decode(Path(__file__).with_name("told_words.toml").read_bytes(), type=_Words)
SENTENCES, CHOICES = _WORDS.sentences, _WORDS.choices


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
    return CHOICES["rule"][rule] if isinstance(rule, str) else shown(float(rule))
