"""The kinds of prompts, one module a kind: stored, verified, drawn, made, and a baseline's answer.

A new kind is a module with a class that is a `PromptKind` and, of one case, `Prompts`, and its
entry in `KINDS`.
"""

from collections.abc import Mapping

from data_manifest.prompts.boxes import Boxes
from data_manifest.prompts.clicks import Clicks
from data_manifest.prompts.kind import (
    Dots,
    Hand,
    PromptKind,
    Prompts,
    Rectangle,
    Shape,
    Words,
    WrongPromptsError,
)
from data_manifest.prompts.middle_boxes import MiddleBoxes
from data_manifest.prompts.recist import Recist
from data_manifest.prompts.scribbles import Scribbles
from data_manifest.prompts.texts import Texts

__all__ = [
    "KINDS",
    "USUAL",
    "Clicks",
    "Dots",
    "Hand",
    "MiddleBoxes",
    "PromptKind",
    "Prompts",
    "Rectangle",
    "Scribbles",
    "Shape",
    "Texts",
    "Words",
    "WrongPromptsError",
]

_ALL: tuple[PromptKind, ...] = (
    Boxes,
    MiddleBoxes,
    Clicks,
    Scribbles,
    Texts,
    Recist,
)
KINDS: Mapping[str, PromptKind] = {kind.kind: kind for kind in _ALL}
"""By the name that protocols and manifests have for it."""

USUAL = (Boxes.kind,)
"""What cases get where nobody says what."""
