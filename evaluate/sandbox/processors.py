"""Which processors a container runs on: as many as its share, so that its program sees the same.

A core with two hardware threads is one core: what runs on one thread slows down the other. So a
container has whole cores, and where its share leaves a thread over, that stays idle. Its memory is
that of the same nodes, as far as it goes: other memory is slower, and would be so for one team.
"""

import contextlib
import errno
import os
import socket
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TypeAlias

from evaluate.facts.run_rules import Limits

Core: TypeAlias = tuple[int, ...]
"""The processors of one core, rising."""

_CPUS = Path("/sys/devices/system/cpu")
_NODES = Path("/sys/devices/system/node")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Memory that some processors have near."""

    cpus: tuple[int, ...]
    memory_mib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one container is given of the machine; empty for anything.

    Attributes:
        cpus: processors, rising.
        nodes: whose memory it may take.
    """

    cpus: tuple[int, ...] = ()
    nodes: tuple[int, ...] = ()


ANYWHERE = Share()


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


def nodes_of(*, nodes: Path = _NODES) -> dict[int, Node]:
    """The machine's nodes of memory; none where nobody says."""
    machine = {}
    for folder in nodes.glob("node[0-9]*"):
        with contextlib.suppress(OSError, ValueError, StopIteration):
            said = (folder / "meminfo").read_text(encoding="ascii").splitlines()
            total = next(line for line in said if " MemTotal:" in line)
            machine[int(folder.name.removeprefix("node"))] = Node(
                cpus=_listed((folder / "cpulist").read_text(encoding="ascii")),
                memory_mib=int(total.split()[-2]) // 1024,
            )
    return machine


def _listed(text: str) -> Core:
    """The numbers of a list as the kernel writes it: `0-3,8`; empty for a node of memory alone."""
    ranges = (part.partition("-") for part in text.strip().split(",") if part.strip())
    return tuple(n for low, _, high in ranges for n in range(int(low), int(high or low) + 1))


class Processors:
    """The processors of the engine's machine that are free to be given."""

    def __init__(
        self,
        *,
        cpuset: bool,
        local: bool,
        cores: Sequence[Core] | None = None,
        nodes: Mapping[int, Node] | None = None,
        name: str = "segjudge",
    ) -> None:
        can_tell = local and hasattr(os, "sched_getaffinity")
        if cores is None:
            cores = cores_of(os.sched_getaffinity(0)) if can_tell else []
        self._nodes = (nodes_of() if can_tell else {}) if nodes is None else nodes
        self._free = list(cores) if cpuset else []
        self._all = sum(map(len, cores))
        self._name = name
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def share(self, limits: Limits) -> Iterator[Share]:
        """Processors for one container, whole ones for a part of one, and the memory near them.

        None in particular where it may have all of their time, or so many are not free: then the
        limit of its time holds alone.
        """
        wanted = min(ceil(limits.cpus or 0), self._all)
        with contextlib.ExitStack() as held:
            with self._lock:
                taken = self._choose(wanted, held)
                self._free = [core for core in self._free if core not in taken]
            if not taken:
                held.close()
            given = tuple(sorted(cpu for core in taken for cpu in core)[:wanted])
            try:
                yield Share(cpus=given, nodes=self._near(given, limits.memory_mib))
            finally:
                with self._lock:
                    self._free += taken

    def _choose(self, wanted: int, held: contextlib.ExitStack) -> list[Core]:
        """Cores that nobody has; where there are too few, also those of other harnesses."""
        taken: list[Core] = []
        busy: list[Core] = []
        for core in self._free:
            if sum(map(len, taken)) < wanted:
                (taken if self._hold(core, held) else busy).append(core)
        while busy and sum(map(len, taken)) < wanted:
            taken.append(busy.pop(0))
        return taken if sum(map(len, taken)) >= wanted else []

    def _hold(self, core: Core, held: contextlib.ExitStack) -> bool:
        """Whether no other harness of this machine has this core.

        A name of a socket is had by one, and free again when that one is gone.
        """
        word = held.enter_context(socket.socket(socket.AF_UNIX))
        try:
            word.bind(f"\0{self._name}_core_{core[0]}")
        except OSError as error:
            return error.errno != errno.EADDRINUSE
        return True

    def _near(self, cpus: tuple[int, ...], memory_mib: int) -> tuple[int, ...]:
        """The nodes of these processors; none where it is all of them, or a limit exceeds them.

        The kernel would end for memory what was promised more.
        """
        near = [n for n, node in sorted(self._nodes.items()) if set(cpus) & set(node.cpus)]
        enough = sum(self._nodes[n].memory_mib for n in near) >= memory_mib
        return tuple(near) if enough and len(near) < len(self._nodes) else ()
