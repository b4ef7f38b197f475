"""Which processors a container runs on: as many as its share, so that its program sees the same."""

import contextlib
import os
import threading
from collections.abc import Iterator

from evaluate.sandbox.policy import EngineFacts


class Processors:
    """The processors of the engine's machine that are free to be given."""

    def __init__(self, engine: EngineFacts, *, local: bool) -> None:
        usable = (
            sorted(os.sched_getaffinity(0)) if local and hasattr(os, "sched_getaffinity") else []
        )
        # Another harness of this machine begins at another one.
        first = os.getpid() % max(1, len(usable))
        self._free = usable[first:] + usable[:first] if engine.cpuset else []
        self._all = len(usable)
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def share(self, cpus: float | None) -> Iterator[tuple[int, ...]]:
        """Processors for one container.

        None in particular where the share is no whole number, is all of them, or so many are not
        free: then the limit of its time holds alone.
        """
        taken: list[int] = []
        if cpus is not None and cpus == int(cpus) and cpus < self._all:
            with self._lock:
                if len(self._free) >= cpus:
                    taken, self._free = self._free[: int(cpus)], self._free[int(cpus) :]
        try:
            yield tuple(sorted(taken))
        finally:
            with self._lock:
                self._free += taken
