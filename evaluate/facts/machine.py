"""What machine this is, for run.json: the numbers that a reader of the times needs."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import psutil

__all__ = ["describe_host", "library_versions"]

_LIBRARIES = (
    *("docker", "isal", "msgspec", "nibabel", "numpy"),
    *("pillow", "psutil", "scipy", "simpleitk"),
)


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


def describe_host() -> dict[str, Any]:
    """CPU model, cores, memory, kernel, cgroup version, system and Python of this machine."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_mib": psutil.virtual_memory().total >> 20,
        "kernel": platform.release(),
        "os": platform.platform(),
        "machine": platform.machine(),
        "cgroup_version": _cgroup_version(),
        "python": platform.python_version(),
    }


def library_versions() -> dict[str, str]:
    """Versions of segjudge and of the libraries whose code the numbers pass through."""
    versions = {}
    for name in ("segjudge", *_LIBRARIES):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions
