"""Exact CPU time and peak memory, from a parent cgroup that is made for one run.

The container's own cgroup is gone with its last process. A parent that we make beforehand outlives
it, and the kernel counts everything below into it, children of children included.
"""

import contextlib
import dataclasses
import os
import signal
import time
from pathlib import Path

from evaluate.sandbox.measurement.usage import Usage
from evaluate.sandbox.ownership import Owner

ROOT = Path("/sys/fs/cgroup")
PREFIX = "segjudge_"
USER = "user.slice/user-{uid}.slice/user@{uid}.service"  # what systemd hands to a user
_MIB = 2**20
_SOCKETS_MIB = 64


class RunCgroup:
    """The parent cgroup of one run."""

    def __init__(self, name: str, *, version: int, root: Path = ROOT) -> None:
        self._name = name
        self._found: list[Path] = []
        self._last: Usage | None = None
        self._version = version
        self._root = root
        self._peak = 0.0
        self._own = 0.0  # the most that was in use without pages of files
        self._files: float | None = None
        self._throttled_s: float | None = None
        self._limited: Path | None = None  # what says so

    @classmethod
    def make(
        cls,
        *,
        token: str,
        number: int,
        version: int,
        driver: str = "cgroupfs",
        root: Path = ROOT,
        below: str = "",
    ) -> "RunCgroup | None":
        """Make the cgroup; None where this process may not, or the engine runs elsewhere.

        The number tells an owner's runs apart; the driver is `cgroupfs` or `systemd`; `below` ends
        with a slash where it is not at the top.
        """
        # systemd names a parent as a slice; a dash there would mean a level of its own.
        suffix = ".slice" if driver == "systemd" else ""
        cgroup = cls(f"{below}{PREFIX}{token}_{number}{suffix}", version=version, root=root)
        try:
            for folder in cgroup._counting():
                folder.mkdir()
                # Kernels before 5.11 count children only where asked to, and only from the start.
                hierarchy = folder / "memory.use_hierarchy"
                if hierarchy.exists():
                    with contextlib.suppress(OSError):
                        hierarchy.write_text("1", encoding="ascii")
        except OSError:
            cgroup.remove()
            return None
        return cgroup

    @classmethod
    def of_process(
        cls, pid: int, *, container: str, version: int, root: Path = ROOT
    ) -> "RunCgroup | None":
        """The container's own cgroup, which an ordinary user may read as long as it is there.

        The engine's id of the container tells that the group is its.
        """
        try:
            paths = groups_of(pid)
        except (OSError, ValueError):
            return None
        wanted = ("cpuacct", "memory", "cpu") if version == 1 else ("",)
        groups = []
        for kind in wanted:
            path = next((p for kinds, p in paths.items() if kind in kinds.split(",")), "")
            if container not in path:
                if kind == "cpu":
                    break  # no limit that could hold it back
                return None
            groups.append(root / kind / path.lstrip("/"))
        cgroup = cls("", version=version, root=root)
        cgroup._found = groups
        return cgroup

    @property
    def parent(self) -> str:
        """The name by which the engine takes it as `CgroupParent`."""
        return Path(self._name).name if self._name.endswith(".slice") else f"/{self._name}"

    @property
    def doors(self) -> list[Path]:
        """Files by which a process comes in, with all that it starts."""
        return [folder / "cgroup.procs" for folder in self._counting()]

    def limit(self, container: str, *, memory_mib: int) -> None:
        """Limit what waits in sockets, which version 1 counts apart, before a container starts.

        Version 2 counts it as memory. The engine has no option for it that reaches the kernel, and
        a socket that is made earlier is never counted: so the container's own group is made here.
        A runtime may take what is there for limited (runsc does): so its memory is, too.
        """
        if self._version == 1 and not self._name.endswith(".slice"):
            with contextlib.suppress(OSError):
                folder = self._root / "memory" / self._name / container
                folder.mkdir()
                for name, mib in (
                    ("memory.kmem.tcp.limit_in_bytes", min(_SOCKETS_MIB, memory_mib)),
                    ("memory.limit_in_bytes", memory_mib),
                    ("memory.memsw.limit_in_bytes", memory_mib),
                ):
                    (folder / name).write_text(str(mib * _MIB), encoding="ascii")

    def end_all(self) -> None:
        """SIGKILL to every process below, at once: to ask the engine takes a tenth of a second."""
        # What goes while it is looked at has ended; `os.walk` passes it over, `rglob` raises.
        for folder, _, _ in os.walk(self._counting()[0]):
            with contextlib.suppress(OSError, ValueError):
                for pid in _read(Path(folder, "cgroup.procs")).split():
                    os.kill(int(pid), signal.SIGKILL)

    def usage(self) -> Usage | None:
        """What has been used so far; None if nothing was, so that the container is not below."""
        try:
            usage = self._read_v1() if self._version == 1 else self._read_v2()
        except (OSError, ValueError, KeyError):
            return self._last
        if self._found:
            self._last = dataclasses.replace(usage, measured_by="stats") if usage.cpu_s else None
            return self._last
        return usage if usage.cpu_s else None

    def now(self) -> tuple[float, float] | None:
        """CPU time so far in seconds and memory in use in MiB; None if nothing ran below."""
        try:
            if self._version == 1:
                cpu, memory, *_ = self._counting()
                cpu_s = int(_read(cpu / "cpuacct.usage")) / 1e9
                in_use = int(_read(memory / "memory.usage_in_bytes")) / _MIB
            else:
                folder = self._counting()[0]
                cpu_s = _table(folder / "cpu.stat")["usage_usec"] / 1e6
                in_use = int(_read(folder / "memory.current")) / _MIB
        except (OSError, ValueError, KeyError):
            return None
        return (cpu_s, in_use) if cpu_s else None

    def follow(self) -> None:
        """Keep how long the limit of CPU time has held the container back so far.

        Its own group alone counts that, not ours above it, and is gone with it.
        """
        with contextlib.suppress(OSError, ValueError, StopIteration):
            if self._limited is None:
                cpu = self._root / ("cpu" if self._version == 1 else "") / self._name
                above = self._found[-1] if self._found else cpu
                self._limited = next(
                    said
                    for said in (above / "cpu.stat", *above.glob("*/cpu.stat"))
                    if said.exists() and _table(said).get("nr_periods")
                )
            stat = _table(self._limited)
            self._throttled_s = (
                stat.get("throttled_usec", 0) / 1e6 + stat.get("throttled_time", 0) / 1e9
            )

    def remove(self) -> None:
        """Remove it from every hierarchy; the container must be gone."""
        for folder in [self._root / self._name, *self._root.glob(f"*/{self._name}")]:
            _remove_folder(folder)

    def _counting(self) -> list[Path]:
        if self._found:
            return self._found
        if self._version == 2:
            return [self._root / self._name]
        return [self._root / "cpuacct" / self._name, self._root / "memory" / self._name]

    def _read_v1(self) -> Usage:
        cpu, memory, *_ = self._counting()
        peak = int(_read(memory / "memory.max_usage_in_bytes")) / _MIB
        stat = _stat(memory)
        own = stat.get("total_rss", 0) + stat.get("total_shmem", 0)
        return Usage(
            cpu_s=int(_read(cpu / "cpuacct.usage")) / 1e9,
            peak_memory_mib=self._without_files(
                peak, own, _files(stat, "total_cache", "total_shmem")
            ),
            measured_by="cgroup",
            file_pages_mib=self._files,
            throttled_s=self._throttled_s,
            # The group's own alone: version 1 tells no parent.
            oom_kills=_oom_kills(memory) if self._found else None,
        )

    def _without_files(self, peak: float, own: int, files: int | None) -> float:
        """The peak of what a program asked for, in MiB.

        The kernel's peak holds the pages of files, too, whose number tells what others have read
        before, and which it gives up for the asking. At the peak there were no more of them than
        the most that were seen; and what was seen to be no file's was in use.
        """
        if files is not None:
            self._files = max(self._files or 0.0, files / _MIB)
        self._own = max(self._own, own / _MIB)
        # Of now alone: a look at a moment when few of the files were seen must not stay.
        return max(self._own, peak - (self._files or 0.0))

    def _read_v2(self) -> Usage:
        folder = self._counting()[0]
        stat = _stat(folder)
        own = stat.get("anon", 0) + stat.get("shmem", 0)
        try:
            self._peak = int(_read(folder / "memory.peak")) / _MIB
        except OSError:
            # Linux before 5.19 has no memory.peak: the largest value that we have seen.
            self._peak = max(self._peak, int(_read(folder / "memory.current")) / _MIB)
        events = _table(folder / "memory.events")
        return Usage(
            cpu_s=_table(folder / "cpu.stat")["usage_usec"] / 1e6,
            peak_memory_mib=self._without_files(self._peak, own, _files(stat, "file", "shmem")),
            measured_by="cgroup",
            file_pages_mib=self._files,
            throttled_s=self._throttled_s,
            oom_kills=events.get("oom_kill"),
            limit_hits=events.get("oom"),
        )


def groups_of(pid: int) -> dict[str, str]:
    """A process's group in each hierarchy, by what is counted there; version 2 has no name."""
    lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()
    return {kinds: path for _, kinds, path in (line.split(":", 2) for line in lines)}


def remove_stale_cgroups(*, root: Path = ROOT) -> set[str]:
    """Remove the cgroups of harnesses that are gone; their names."""
    removed = set()
    for folder in [*root.glob(f"{PREFIX}*"), *root.glob(f"*/{PREFIX}*")]:
        token = folder.name.removesuffix(".slice").removeprefix(PREFIX).rpartition("_")[0]
        if (owner := Owner.parse(token)) is not None and owner.is_gone():
            _remove_folder(folder)
            removed.add(folder.name)
    return removed


def _remove_folder(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # another harness was first
        for below in folder.glob("*/"):  # of a container that never started, or was cut off
            _remove_folder(below)
    # The kernel frees a cgroup a moment after its last process has ended.
    for _ in range(20):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if not folder.is_dir():
                return
            time.sleep(0.01)
        else:
            return


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()


def _oom_kills(folder: Path) -> int | None:
    try:
        return _table(folder / "memory.oom_control").get("oom_kill")
    except OSError:
        return None


def _stat(folder: Path) -> dict[str, int]:
    """What memory is used for; empty where the kernel does not say."""
    try:
        return _table(folder / "memory.stat")
    except OSError:
        return {}


def _files(stat: dict[str, int], cache: str, shared: str) -> int | None:
    """Pages of files, where the kernel says; it counts shared memory among them."""
    return stat[cache] - stat.get(shared, 0) if cache in stat else None


def _table(path: Path) -> dict[str, int]:
    return {key: int(value) for key, value in map(str.split, _read(path).splitlines())}
