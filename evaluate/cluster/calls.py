"""What goes between the head and a machine: calls there, answers back."""

import pickle
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function of a module, to be called on a machine, and its arguments."""

    function: Callable[..., object]
    arguments: tuple[object, ...] = ()

    def packed(self) -> bytes:
        """As bytes, so that dask looks for nothing in the arguments."""
        return pickle.dumps((self.function, self.arguments))


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The answer to a call that failed there: why, in one line."""

    reason: str


class CallFailedError(Exception):
    """Raised in a talk where its call failed on the machine; the text is one line."""


class MachineLostError(Exception):
    """Raised in a talk whose machine is gone."""


Talk = Generator[Call | None, Any, None]
"""With one machine: yields calls and gets answers; None waits until something has changed."""
