"""What every kind of prompts can do, so that nothing else asks which kind it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt


class WrongPromptsError(ValueError):
    """Arrays of a case file are no prompts.

    Args:
        found: what they are.
        expected: what they should be.
    """

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(found)
        self.found, self.expected = found, expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectangle:
    """A shape to draw on a slice: pixels, both ends inclusive. Another shape is a class beside it.

    A drawing may clip it: it can lie outside of the image.
    """

    left: int
    top: int
    right: int
    bottom: int

    @property
    def corners(self) -> list[tuple[int, int]]:
        """Row and column of what has to be in a picture for it to be seen."""
        return [(self.top, self.left), (self.bottom, self.right)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dots:
    """Single pixels, row and column each, that belong to their object or say what does not."""

    pixels: tuple[tuple[int, int], ...]
    inside: bool = True

    @property
    def corners(self) -> list[tuple[int, int]]:
        """The outermost rows and columns."""
        rows, columns = zip(*self.pixels, strict=True)
        return [(min(rows), min(columns)), (max(rows), max(columns))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What can't be drawn, and is written."""

    text: str

    @property
    def corners(self) -> list[tuple[int, int]]:
        """None: words stand beside the picture."""
        return []


Shape: TypeAlias = Rectangle | Dots | Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Whose hand makes prompts: how loosely, by which dice, and what it knows of the case.

    Attributes:
        margin: how much looser than the object, in pixels.
        jitter: most random pixels that are added to that.
        generator: of what is random.
        rounds: for how many rounds prompts are made ahead.
        names: what labels are called.
        image: (H, W, 3) or (D, H, W), as a container gets it.
    """

    margin: int = 0
    jitter: int = 0
    generator: "np.random.Generator"
    rounds: int = 1
    names: Mapping[int, str] = field(default_factory=dict)
    image: npt.NDArray[np.uint8] | None = None


def checked_labels(labels: npt.NDArray[np.integer]) -> list[int]:
    """The labels of a map, which are 1..N.

    Raises:
        ValueError: a gap.
    """
    counts = np.bincount(labels.ravel(), minlength=1)
    missing = np.flatnonzero(counts[1:] == 0) + 1
    if missing.size:
        raise ValueError(f"labels {missing[:8].tolist()} do not occur; expected 1..N without a gap")
    return list(range(1, len(counts)))


class Prompts(Protocol):
    """The prompts of one kind in one case; prompt k (from 1) is answered by label k.

    Attributes:
        kind: its name in protocols and manifests.
        one: what one prompt is called.
    """

    kind: ClassVar[str]
    one: ClassVar[str]

    def __len__(self) -> int:
        """How many objects are asked for."""

    @property
    def axes(self) -> int:
        """2 or 3."""

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """What a case file holds of them, by key."""

    def problems(self, shape: tuple[int, ...], labels: int) -> Iterator[tuple[str, str]]:
        """What does not fit the case: found, expected.

        Args:
            shape: of the label map.
            labels: how many the reference has.
        """

    def shapes(self, index: int | None = None) -> Sequence[Shape]:
        """What to draw, on one slice of a volume; all of it, seen along z, without an index."""

    def slices(self) -> Sequence[int]:
        """The slices of a volume that they begin and end on; none in 2D."""

    def regions(self, shape: tuple[int, ...], margin: int = 0) -> Sequence[tuple[slice, ...]]:
        """Where the object of each prompt is to lie, wider by a margin; none if they do not say."""

    def misread(self, shape: tuple[int, ...]) -> Mapping[str, "Prompts"]:
        """As a participant may have misread them, by "if ..." in words."""

    def baseline(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
        """The answer of a participant who never looks at the image: the floor of every score."""


class PromptKind(Protocol):
    """A kind itself, which is the class of its prompts: how they come to be.

    Attributes:
        kind: its name in protocols and manifests.
        keys: of the arrays that a case file holds of it.
    """

    kind: str
    keys: tuple[str, ...]

    def stored(self, read: Callable[[str], npt.NDArray[Any]], image: tuple[int, ...]) -> Prompts:
        """Read from a case file.

        Args:
            read: gives the array of a key.
            image: shape of the image, colours included.

        Raises:
            WrongPromptsError: found and expected.
        """

    def made(self, labels: npt.NDArray[np.integer], hand: Hand) -> Prompts:
        """Make them from a reference, as a careful hand would.

        Args:
            labels: (H, W) or (D, H, W); the labels are 1..N without a gap.
            hand: how loosely, by which dice.

        Raises:
            ValueError: a gap in the labels.
        """
