"""What a case's text prompts ask for: the 2025 challenge keeps them as a pickled dictionary."""

from dataclasses import dataclass
from pathlib import Path

from data_manifest.errors import CaseFileError
from data_manifest.layouts.npz import NpzArchive, NpzError

__all__ = ["TextPrompts", "read_text_prompts"]

_KEY, _KIND = "text_prompts", "instance_label"
_EXPECTED = f"`{_KEY}`: a dictionary of texts by label, and of `{_KIND}`, 0 or 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPrompts:
    """What a case is asked for.

    Attributes:
        labels: that have a text, rising.
        is_instance: whether each object is to have a number of its own.
    """

    labels: tuple[int, ...]
    is_instance: bool


def read_text_prompts(path: Path) -> TextPrompts:
    """Read which labels a case's npz asks for; nothing in it is unpickled.

    Raises:
        CaseFileError: the file, what was found in it, and what was expected.
    """
    try:
        with NpzArchive(path) as archive:
            values = archive.objects(_KEY)
    except NpzError as error:
        raise CaseFileError(where=str(path), found=str(error), expected=_EXPECTED) from error
    asked = values[0] if len(values) == 1 else None
    kind = asked.get(_KIND) if isinstance(asked, dict) else None
    if not isinstance(asked, dict) or kind not in (0, 1):
        fault = f"{len(values)} objects" if asked is None else f"`{_KIND}` of {kind!r:.40}"
        raise CaseFileError(where=str(path), found=fault, expected=_EXPECTED)
    numbers = {int(key) for key in map(str, asked) if key.isascii() and key.isdecimal()}
    return TextPrompts(labels=tuple(sorted(numbers)), is_instance=bool(kind))
