"""Several containers at a time on this machine."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from evaluate.running.attempting import Made
from evaluate.running.plan import Block, Series


class ThreadExecutor:
    """A free slot takes the next series, of whichever block."""

    def __init__(self, slots: int) -> None:
        self.slots = slots

    def run(
        self,
        blocks: Iterable[Block],
        *,
        begin: Callable[[Series], None],
        make: Callable[[Series], Iterator[Made]],
    ) -> Iterator[Made]:
        """See `Executor.run`."""
        come: SimpleQueue[Made | BaseException | None] = SimpleQueue()

        def work(series: Series) -> None:
            try:
                for made in make(series):
                    come.put(made)
                come.put(None)
            except BaseException as error:  # noqa: BLE001 - it is raised again by who waits for it
                come.put(error)

        running = 0
        with ThreadPoolExecutor(self.slots) as pool:
            for series in (series for block in blocks for series in block.series):
                while running == self.slots:
                    made = _taken(come)
                    running -= made is None
                    yield from () if made is None else (made,)
                begin(series)
                pool.submit(work, series)
                running += 1
            while running:
                made = _taken(come)
                running -= made is None
                yield from () if made is None else (made,)


def _taken(come: "SimpleQueue[Made | BaseException | None]") -> Made | None:
    """The next attempt; None where a series has ended."""
    made = come.get()
    if isinstance(made, BaseException):
        raise made
    return made
