"""The port between the keeper of results and whatever makes attempts."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from evaluate.running.attempting import Made
from evaluate.running.plan import Block, Series


class Executor(Protocol):
    """Makes the attempts of blocks; what it makes depends on nothing but the plan."""

    @property
    def slots(self) -> int:
        """How many containers run at a time; with one, nothing runs between two blocks."""

    def run(
        self,
        blocks: Iterable[Block],
        *,
        begin: Callable[[Series], None],
        make: Callable[[Series], Iterator[Made]],
    ) -> Iterator[Made]:
        """The attempts of every series, each as it comes to be.

        Args:
            blocks: asked for one by one, when a slot is free for the next.
            begin: called by the caller's own thread just before a series is started.
            make: makes a series' attempts, one after another; anywhere, and several series at a
                time.
        """
