"""One container at a time: the only executor whose times may be ranked."""

from collections.abc import Callable, Iterable, Iterator

from evaluate.running.attempting import Made
from evaluate.running.plan import Block, Series


class SerialExecutor:
    """Series after series, in their order."""

    slots = 1

    def run(
        self,
        blocks: Iterable[Block],
        *,
        begin: Callable[[Series], None],
        make: Callable[[Series], Iterator[Made]],
    ) -> Iterator[Made]:
        """See `Executor.run`."""
        for block in blocks:
            for series in block.series:
                begin(series)
                yield from make(series)
