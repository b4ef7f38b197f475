"""The meter of one container: its cgroup where that can be read, and samples otherwise."""

import contextlib
import dataclasses

import psutil

from evaluate.facts.run_rules import Limits
from evaluate.sandbox.containers import OwnedContainer
from evaluate.sandbox.measurement import (
    GpuMeter,
    Others,
    ProcessTree,
    Profile,
    RunCgroup,
    StatsMeter,
    Usage,
)
from evaluate.sandbox.port import Ending
from evaluate.sandbox.supervision import StopReason


class Meter:
    """The run's cgroup where the container is in it, and samples otherwise.

    The version is that of an engine on this machine, whose groups can be read; None elsewhere.
    A container that has no group of its own (a rootless engine without delegated ones) is known by
    its processes: all of them descend from its first, and what they use together is looked at.
    """

    def __init__(
        self,
        cgroup: RunCgroup | None,
        profile: Profile,
        version: int | None,
        *,
        limits: Limits,
        gpu: GpuMeter | None = None,
    ) -> None:
        self._cgroup = cgroup
        self._gpu = gpu
        self._memory_mib = limits.memory_mib
        self._cpus = limits.cpus
        self._tree: ProcessTree | None = None
        self._version = version
        self._found: RunCgroup | None = None
        self._profile = profile
        self._stats = StatsMeter(profile)
        self._sampling = False
        self._others: Others | None = None

    def expect(self, container: OwnedContainer) -> None:
        """Find the container's own group before its command runs, where the engine made it by then.

        Podman does: a command that is over at once is counted, too.
        """
        if self._cgroup is None and self._version is not None:
            self._find_group(container, self._version)
            self.follow()

    def look(self, container: OwnedContainer) -> StopReason | None:
        """Keep the values of a kernel that has no peak, or begin to sample if there are none."""
        self._others = self._others or Others()
        if self._gpu is not None:
            self._gpu.pid = self._gpu.pid or container.pid() or None
            self._gpu.look()
        if self._cgroup is not None and self._cgroup.usage() is not None:
            return None
        if not self._sampling:
            self._sampling = True
            if self._version is not None and self._found is None:
                self._find(container, self._version)
            if self._tree is None:
                container.sample_beside(self._stats)
        return self._look_at_processes()

    def _find_group(self, container: OwnedContainer, version: int) -> int:
        """The container's own group, if it runs by now; the number of its first process."""
        pid = container.pid()
        self._found = RunCgroup.of_process(pid, container=container.id, version=version)
        return pid

    def _find(self, container: OwnedContainer, version: int) -> None:
        pid = self._find_group(container, version)
        if self._found is None and pid:
            with contextlib.suppress(psutil.Error):
                self._tree = ProcessTree(pid, mark="")

    def _look_at_processes(self) -> StopReason | None:
        if self._tree is None:
            return None
        used_mib = self._tree.sample(limit_mib=self._memory_mib)
        if used_mib <= self._memory_mib:
            return None
        detail = f"{used_mib:.0f} MiB in use, the limit is {self._memory_mib} MiB"
        return StopReason(ending=Ending.OUT_OF_MEMORY, detail=detail)

    def follow(self) -> None:
        """Keep what the container's own group says: it is gone with the container."""
        group = self._cgroup or self._found
        if group is not None and self._cpus is not None:
            group.follow()
        if self._found is not None:
            self._found.usage()

    def end_all(self) -> None:
        """SIGKILL to all in the run's group, or in the container's own where we may."""
        if (group := self._cgroup or self._found) is not None:
            group.end_all()

    def sample(self) -> None:
        """Add to the profile what the cgroup says now; without one, the engine's samples do."""
        now = self._cgroup.now() if self._cgroup is not None else None
        if self._tree is not None:
            now = self._tree.cpu_s, self._tree.sample(limit_mib=self._memory_mib)
        if now is not None:
            self._profile.add(cpu_s=now[0], memory_mib=now[1])

    def usage(self) -> Usage:
        """The most exact that there is."""
        exact = self._cgroup.usage() if self._cgroup else None
        followed = self._found.usage() if self._found else None
        if self._tree is not None:
            self._stats.take(cpu_s=self._tree.cpu_s, peak_mib=self._tree.peak_memory_mib)
        usage = exact or followed
        if usage is None or self._others is None:
            return usage or self._stats.usage()
        return dataclasses.replace(usage, others_cpus=self._others.beside(usage.cpu_s))
