"""What a case's text prompts ask for: the 2025 challenge keeps them as a pickled dictionary."""

from dataclasses import dataclass
from pathlib import Path

from data_manifest.errors import CaseFileError
from data_manifest.layouts.npz import NpzArchive, NpzError
from data_manifest.prompts import Texts, WrongPromptsError

_KEY = "text_prompts"
_EXPECTED = f"`{_KEY}`: a dictionary of texts by label, and of `instance_label`, 0 or 1"


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
            if set(Texts.keys) <= set(archive.names):
                texts = Texts.stored(archive.array, ())
            else:
                (asked,) = archive.objects(_KEY)
                texts = Texts.of(asked, dimensions=3)
    except WrongPromptsError as error:
        raise CaseFileError(where=str(path), found=error.found, expected=error.expected) from error
    except (NpzError, ValueError) as error:
        raise CaseFileError(where=str(path), found=str(error), expected=_EXPECTED) from error
    return TextPrompts(labels=tuple(texts.texts), is_instance=texts.is_instance)
