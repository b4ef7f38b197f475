"""Memory and CPU time of a process and all that it starts, by sampling: no engine is needed."""

import contextlib
import os
import time
from pathlib import Path

import psutil

from evaluate.sandbox.measurement.usage import Usage

_MIB = 2**20
_KILL_ROUNDS = 200
_KILL_PAUSE_S = 0.01


class ProcessTree:
    """Everything that a marked process starts, found by descent and by its environment.

    A child that detaches itself (a daemon) leaves the tree and the session; it keeps the mark in
    its environment unless it clears that too, which only a container can contain.

    The mark is `NAME=value` in the root's environment, unique to this run.
    """

    def __init__(self, pid: int, *, mark: str) -> None:
        # Not the number alone: once waited for, it may be given to a stranger's process.
        self._root = psutil.Process(pid)
        self._mark = mark
        self._cpu_s: dict[psutil.Process, float] = {}
        self.peak_memory_mib = 0.0

    @property
    def cpu_s(self) -> float:
        """User and system time of all processes that were seen, as of the last sample of each."""
        return sum(self._cpu_s.values())

    def sample(self, *, limit_mib: float) -> float:
        """Memory in use now, in MiB; also updates the peak and the CPU time.

        The sum of resident sizes counts shared pages once a process. It is exact enough below the
        limit; above it, and only there, the costly proportional sizes decide.
        """
        processes = self._descendants()
        resident = 0
        for process in processes:
            with contextlib.suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                self._cpu_s[process] = times.user + times.system
                resident += process.memory_info().rss
                self.peak_memory_mib = max(self.peak_memory_mib, _high_water_mib(process.pid))
        used_mib = resident / _MIB
        if used_mib > limit_mib:
            used_mib = _proportional_mib(processes)
        self.peak_memory_mib = max(self.peak_memory_mib, used_mib)
        return used_mib

    def usage(self, waited_for_s: float) -> Usage:
        """What was seen; at least the CPU time of the processes that were waited for."""
        return Usage(
            cpu_s=max(waited_for_s, self.cpu_s),
            peak_memory_mib=self.peak_memory_mib or None,
            measured_by="rusage",
        )

    def kill(self) -> int:
        """Kill all of it, detached children included, until none is found; returns how many."""
        killed: set[psutil.Process] = set()
        for _ in range(_KILL_ROUNDS):
            seen = [process for process in self._cpu_s if process.is_running() and _runs(process)]
            living = {*seen, *self._descendants(), *_marked(self._mark)}
            killed |= living
            if not _kill(living):
                break
            # Never waited for here: only the parent may, and it wants the resource usage.
            time.sleep(_KILL_PAUSE_S)
        return len(killed)

    def _descendants(self) -> list[psutil.Process]:
        try:
            processes = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return []
        return [process for process in processes if _runs(process)]


def kill_marked(mark: str) -> None:
    """Kill every process of ours that bears a mark, until none is found."""
    for _ in range(_KILL_ROUNDS):
        if not _kill(set(_marked(mark))):
            return
        time.sleep(_KILL_PAUSE_S)


def _kill(processes: set[psutil.Process]) -> bool:
    """Kill each; whether there was any."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return bool(processes)


def _marked(mark: str) -> list[psutil.Process]:
    """Processes of ours with the mark in their environment, wherever they are in the tree."""
    name, _, value = mark.partition("=")
    marked = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.uids().real != os.getuid() or not _runs(process):
                continue
            if process.environ().get(name) == value:
                marked.append(process)
    return marked


def _high_water_mib(pid: int) -> float:
    """The peak of one process, as the kernel keeps it: what was freed between two samples counts.

    The peak that `wait4` gives is of no use: it begins with the memory of the process that started
    this one, which is the harness.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:  # gone, or not Linux
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _proportional_mib(processes: list[psutil.Process]) -> float:
    used = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            memory = process.memory_full_info()
            used += getattr(memory, "pss", memory.uss)
    return used / _MIB
