"""What machine this is: what a reader of the times must know, kept once and named by its digest."""

import functools
import hashlib
import os
import platform
from pathlib import Path

import msgspec

_LIBRARIES = (
    *("docker", "isal", "msgspec", "nibabel", "numpy"),
    *("pillow", "psutil", "scipy", "simpleitk"),
)


class Host(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A computer, as its operating system describes it.

    Attributes:
        cpu: the processor's model.
        cores: that the system has; None if it does not say.
        memory_mib: in all.
        kernel: its release.
        os: system and version in one line.
        machine: the architecture.
        cgroup_version: 1 or 2; None where there are none.
        python: its version.
    """

    cpu: str
    cores: int | None
    memory_mib: int
    kernel: str
    os: str
    machine: str
    cgroup_version: int | None
    python: str


class SandboxFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ran the containers.

    Attributes:
        name: of the adapter.
        isolated: whether a hostile submission is contained.
        engine: what the adapter says of itself and of its engine; key `not_enforced` lists in words
            what could not be enforced.
    """

    name: str
    isolated: bool
    engine: dict[str, object]


class Machine(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Where attempts are made.

    Attributes:
        host: the computer.
        sandbox: what ran the containers on it.
        versions: of segjudge and of the libraries that the numbers pass through.
        name: under which a cluster knows it; empty for the computer that the command runs on.
        lock: whether the versions of every package are those of official scoring, or which differ;
            empty where a run was made before this was noted.
    """

    name: str = ""
    host: Host
    sandbox: SandboxFacts
    versions: dict[str, str]
    lock: str = ""

    @property
    def key(self) -> str:
        """The first 12 digits of its SHA-256, by which an attempt names it."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:12]

    def is_as_fast_as(self, other: "Machine") -> bool:
        """Whether times of both may be ranked together: the same computer and the same sandbox."""
        return (self.host, self.sandbox) == (other.host, other.sandbox)


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def _cgroup_version() -> int | None:
    folder = Path("/sys/fs/cgroup")
    if not folder.is_dir():
        return None  # not Linux
    return 2 if (folder / "cgroup.controllers").is_file() else 1


def describe_host() -> Host:
    """CPU model, cores, memory, kernel, cgroup version, system and Python of this machine."""
    import psutil  # takes a while, and few commands describe a machine

    return Host(
        cpu=_cpu_model(),
        cores=os.cpu_count(),
        memory_mib=psutil.virtual_memory().total >> 20,
        kernel=platform.release(),
        os=platform.platform(),
        machine=platform.machine(),
        cgroup_version=_cgroup_version(),
        python=platform.python_version(),
    )


def library_versions() -> dict[str, str]:
    """Versions of segjudge and of the libraries whose code the numbers pass through."""
    return {name: installed_version(name) or "not installed" for name in ("segjudge", *_LIBRARIES)}


@functools.cache
def installed_version(name: str) -> str:
    """Of a package; empty where there is none."""
    from importlib import metadata  # takes a while, and most commands ask for no version

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
