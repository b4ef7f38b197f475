"""How a long job tells how far it is, without knowing who watches."""

from typing import Protocol


class Progress(Protocol):
    """Called before the first and after every step of a job."""

    def __call__(self, done: int, total: int, note: str) -> None:
        """`done` of `total` steps are done; `note` says what is at hand, in a few words."""


def silent(done: int, total: int, note: str) -> None:
    """Tell nobody."""
