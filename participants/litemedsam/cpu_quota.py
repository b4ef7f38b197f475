"""How many threads are worth starting."""

import math
import os
from pathlib import Path


def _read_numbers(*paths: str) -> list[float]:
    """The numbers in files of the cgroup file system; none where a file is missing or says max."""
    try:
        words = " ".join(Path("/sys/fs/cgroup", path).read_text("utf-8") for path in paths).split()
        return [float(word) for word in words]
    except (OSError, ValueError):
        return []


def available_cpus() -> int:
    """The CPUs that this process may run on, but no more than its container's quota pays for.

    A quota leaves all CPUs of the host in sight; a thread on each would spend the quota early in
    every period and then wait, all of them together.
    """
    has_affinity = hasattr(os, "sched_getaffinity")
    cpus = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    for paths in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):
        match _read_numbers(*paths):
            case [quota_us, period_us] if quota_us > 0 and period_us > 0:
                cpus = min(cpus, math.ceil(quota_us / period_us))
    return max(1, cpus)
