"""Texts: what is asked for in words, and whether each object of it is to have its own number."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from data_manifest.prompts.kind import Hand, Shape, Words, WrongPromptsError, checked_labels

_INSTANCE = "instance_label"
_EXPECTED = (
    f'UTF-8 of a JSON object {{"1": "liver", ..., "{_INSTANCE}": 0 or 1, "axes": 2 or 3}}, as uint8'
)
_WAYS = ("{}", "the {}", "{} in this image", "segment the {}")
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Texts:
    """The texts of one case; see `Prompts`.

    Attributes:
        texts: by label, rising; labels that a case has not may be among them.
        is_instance: whether each object is to have a number of its own.
        dimensions: 2 or 3, of the case.
    """

    kind: ClassVar[str] = "text"
    one: ClassVar[str] = "text"
    keys: ClassVar[tuple[str, ...]] = ("texts",)

    texts: Mapping[int, str]
    is_instance: bool = False
    dimensions: int = 3

    @classmethod
    def stored(cls, read: Callable[[str], npt.NDArray[Any]], image: tuple[int, ...]) -> "Texts":
        """See `PromptKind.stored`."""
        data = read("texts")
        if data.dtype != np.uint8 or data.ndim != 1 or data.size > _MOST_BYTES:
            raise WrongPromptsError(f"`texts` of dtype {data.dtype}, shape {data.shape}", _EXPECTED)
        try:
            asked = json.loads(data.tobytes().decode("utf-8"))
            dimensions = asked.pop("axes")
            return cls.of(asked, dimensions=dimensions)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise WrongPromptsError(f"`texts`, which are none: {error!s:.80}", _EXPECTED) from error

    @classmethod
    def of(cls, asked: object, *, dimensions: int) -> "Texts":
        """From a dictionary as CVPR 2025 has it: texts by label, and `instance_label`.

        Raises:
            ValueError: it says neither 0 nor 1 there, a text is none, or it is no dictionary.
        """
        if not isinstance(asked, dict):
            raise ValueError("no dictionary")
        kind = asked.get(_INSTANCE)
        said = {str(key): text for key, text in asked.items()}
        texts = {int(key): said[key] for key in said if key.isascii() and key.isdecimal()}
        if kind not in (0, 1) or dimensions not in (2, 3):
            raise ValueError(f"`{_INSTANCE}` of {kind!r:.40}")
        if not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("a text that is none")
        return cls(
            texts={label: str(texts[label]) for label in sorted(texts)},
            is_instance=bool(kind),
            dimensions=dimensions,
        )

    @classmethod
    def made(cls, labels: npt.NDArray[np.integer], hand: Hand) -> "Texts":
        """Each label's name, in one of four ways to ask for it, each as likely; no instances."""
        wanted = checked_labels(labels)
        ways = hand.generator.integers(0, len(_WAYS), len(wanted))
        names = {label: hand.names.get(label, f"label {label}") for label in wanted}
        texts = {
            label: _WAYS[way].format(names[label]) for label, way in zip(wanted, ways, strict=True)
        }
        return cls(texts=texts, dimensions=labels.ndim)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def axes(self) -> int:
        """2 or 3."""
        return self.dimensions

    def asked(self) -> dict[str, str | int]:
        """As CVPR 2025 has it: texts by label, and `instance_label`."""
        asked: dict[str, str | int] = {str(label): text for label, text in self.texts.items()}
        return asked | {_INSTANCE: int(self.is_instance)}

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """JSON in UTF-8, since an array of texts is read by few and an array of objects unsafe."""
        said = json.dumps(self.asked() | {"axes": self.axes}, ensure_ascii=False)
        return {"texts": np.frombuffer(said.encode("utf-8"), dtype=np.uint8)}

    def problems(self, shape: tuple[int, ...], labels: int) -> Iterator[tuple[str, str]]:
        """None at all, an empty one, or those of another number of axes."""
        if not self.texts or not all(text.strip() for text in self.texts.values()):
            yield "no text, or an empty one", "a text a label"
        if self.axes != len(shape):
            yield f"texts of a {self.axes}D case", f"of a {len(shape)}D case"

    def shapes(self, index: int | None = None) -> list[Shape]:
        """The words."""
        return [Words(text=f"{label}: {text}") for label, text in self.texts.items()]

    def slices(self) -> list[int]:
        """None."""
        return []

    def regions(self, shape: tuple[int, ...], margin: int = 0) -> list[tuple[slice, ...]]:
        """None."""
        return []

    def misread(self, shape: tuple[int, ...]) -> dict[str, "Texts"]:
        """No way that is known."""
        return {}

    def baseline(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
        """Nothing."""
        return np.zeros(shape, np.uint16)
