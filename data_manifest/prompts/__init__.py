"""The kinds of prompts, one module a kind: stored, verified, drawn, made, and a baseline's answer.

A new kind is a module with a class that is a `PromptKind` and, of one case, `Prompts`, and its
entry in `KINDS`.
"""

from collections.abc import Mapping

from data_manifest.prompts.boxes import Boxes
from data_manifest.prompts.clicks import Clicks
from data_manifest.prompts.kind import PromptKind, Prompts, Rectangle, WrongPromptsError
from data_manifest.prompts.middle_boxes import MiddleBoxes

__all__ = [
    "KINDS",
    "USUAL",
    "Clicks",
    "MiddleBoxes",
    "PromptKind",
    "Prompts",
    "Rectangle",
    "WrongPromptsError",
]

KINDS: Mapping[str, PromptKind] = {kind.kind: kind for kind in (Boxes, MiddleBoxes, Clicks)}
"""By the name that protocols and manifests have for it."""

USUAL = (Boxes.kind,)
"""What cases get where nobody says what."""
