"""Several containers at a time on this machine."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from evaluate.running.attempting import Made
from evaluate.running.plan import Block, Series

__all__ = ["ThreadExecutor"]


class ThreadExecutor:
    """A free slot takes the next series, of whichever block.

    Args:
        slots: how many containers run at a time.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots

    def run(
        self,
        blocks: Iterable[Block],
        *,
        begin: Callable[[Series], None],
        make: Callable[[Series], Sequence[Made]],
    ) -> Iterator[Sequence[Made]]:
        """See `Executor.run`."""
        running: set[Future[Sequence[Made]]] = set()
        with ThreadPoolExecutor(self.slots) as pool:
            for series in (series for block in blocks for series in block.series):
                if len(running) == self.slots:
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in ended)
                begin(series)
                running.add(pool.submit(make, series))
            while running:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ended)
