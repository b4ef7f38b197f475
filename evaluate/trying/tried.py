"""What the page is about, and the images and answers that it can go back to."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_manifest.cases import CaseInputs
from data_manifest.manifest import Manifest
from evaluate.facts.rules import Rules
from evaluate.trying.answering import Answer, Answerer
from evaluate.trying.opened_images import OpenedImage

_KEPT = 6
"""Images, and answers, that the page can go back to."""


@dataclass(slots=True, kw_only=True)
class TriedAnswer:
    """An answer that is being made, or is there."""

    opened: OpenedImage
    inputs: CaseInputs
    started: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None
    scores: list[dict[str, float | str | None]] = field(default_factory=list)


@dataclass(kw_only=True)
class Tried:
    """What the page is about, and what it has at hand.

    Attributes:
        answerers: of the submissions, one or two.
        rules: the protocol.
        scratch: a folder of this process's own.
        first: the image that the page begins with.
        cases: a data set at hand, and its folder.
    """

    answerers: Sequence[Answerer]
    rules: Rules
    scratch: Path
    first: OpenedImage | None = None
    cases: tuple[Manifest, Path] | None = None
    images: "OrderedDict[int, OpenedImage]" = field(default_factory=OrderedDict)
    attempts: "OrderedDict[int, TriedAnswer]" = field(default_factory=OrderedDict)
    number: int = 0

    def __post_init__(self) -> None:
        if self.first is not None:
            self.add(self.images, self.first)

    def add(self, kept: "OrderedDict[int, Any]", thing: object) -> int:
        """Keep one more; the oldest go."""
        self.number += 1
        kept[self.number] = thing
        while len(kept) > _KEPT:
            kept.popitem(last=False)
        return self.number
