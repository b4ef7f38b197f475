"""Which processors a container runs on: as many as its share, so that its program sees the same.

A core with two hardware threads is one core: what runs on one thread slows down the other. So a
container has whole cores, and where its share leaves a thread over, that stays idle.
"""

import contextlib
import os
import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from evaluate.sandbox.policy import EngineFacts

Core: TypeAlias = tuple[int, ...]
"""The processors of one core, rising."""

_CPUS = Path("/sys/devices/system/cpu")


def cores_of(usable: Collection[int], *, cpus: Path = _CPUS) -> list[Core]:
    """Processors by their cores, those of one socket together; each its own where nobody says.

    A core of which a part is not usable is left out while there are others: the rest is somebody
    else's.
    """
    by_core: dict[tuple[int, tuple[int, ...]], None] = {}
    for cpu in sorted(usable):
        folder = cpus / f"cpu{cpu}" / "topology"
        try:
            threads = _listed((folder / "thread_siblings_list").read_text(encoding="ascii"))
            socket = int((folder / "physical_package_id").read_text(encoding="ascii"))
        except (OSError, ValueError):
            threads, socket = (cpu,), 0
        by_core[socket, threads] = None
    cores = [threads for _, threads in sorted(by_core)]
    whole = [threads for threads in cores if set(threads) <= set(usable)]
    return whole or [tuple(cpu for cpu in threads if cpu in usable) for threads in cores]


def _listed(text: str) -> Core:
    """The numbers of a list as the kernel writes it: `0-3,8`."""
    ranges = (part.partition("-") for part in text.strip().split(","))
    return tuple(n for low, _, high in ranges for n in range(int(low), int(high or low) + 1))


class Processors:
    """The processors of the engine's machine that are free to be given."""

    def __init__(
        self, engine: EngineFacts, *, local: bool, cores: Sequence[Core] | None = None
    ) -> None:
        if cores is None:
            can_tell = local and hasattr(os, "sched_getaffinity")
            cores = cores_of(os.sched_getaffinity(0)) if can_tell else []
        # Another harness of this machine begins at another one.
        first = os.getpid() % max(1, len(cores))
        self._free = [*cores[first:], *cores[:first]] if engine.cpuset else []
        self._all = sum(map(len, cores))
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def share(self, cpus: float | None) -> Iterator[tuple[int, ...]]:
        """Processors for one container.

        None in particular where the share is no whole number, is all of them, or so many are not
        free: then the limit of its time holds alone.
        """
        taken: list[Core] = []
        if cpus is not None and cpus == int(cpus) and cpus < self._all:
            with self._lock:
                while self._free and sum(map(len, taken)) < cpus:
                    taken.append(self._free.pop(0))
                if sum(map(len, taken)) < cpus:
                    taken, self._free = [], [*taken, *self._free]
        try:
            yield tuple(sorted(cpu for core in taken for cpu in core)[: int(cpus or 0)])
        finally:
            with self._lock:
                self._free += taken
