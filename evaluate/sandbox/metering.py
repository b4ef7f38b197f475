"""The meter of one container: its cgroup where that can be read, and samples otherwise."""

from evaluate.sandbox.containers import OwnedContainer
from evaluate.sandbox.measurement import Profile, RunCgroup, StatsMeter, Usage


class Meter:
    """The run's cgroup where the container is in it, and samples otherwise.

    The version is that of an engine on this machine, whose groups can be read; None elsewhere.
    """

    def __init__(self, cgroup: RunCgroup | None, profile: Profile, version: int | None) -> None:
        self._cgroup = cgroup
        self._version = version
        self._found: RunCgroup | None = None
        self._profile = profile
        self._stats = StatsMeter(profile)
        self._sampling = False

    def look(self, container: OwnedContainer) -> None:
        """Keep the values of a kernel that has no peak, or begin to sample if there are none."""
        if self._cgroup is not None and self._cgroup.usage() is not None:
            return
        if not self._sampling:
            self._sampling = True
            if self._version is not None:
                self._found = RunCgroup.of_process(
                    container.pid(), container=container.id, version=self._version
                )
            container.sample_beside(self._stats)

    def follow(self) -> None:
        """Keep what the container's own group says: it is gone with the container."""
        if self._found is not None:
            self._found.usage()

    def sample(self) -> None:
        """Add to the profile what the cgroup says now; without one, the engine's samples do."""
        now = self._cgroup.now() if self._cgroup is not None else None
        if now is not None:
            self._profile.add(cpu_s=now[0], memory_mib=now[1])

    def usage(self) -> Usage:
        """The most exact that there is."""
        exact = self._cgroup.usage() if self._cgroup else None
        followed = self._found.usage() if self._found else None
        return exact or followed or self._stats.usage()
