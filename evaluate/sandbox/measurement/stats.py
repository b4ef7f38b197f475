"""CPU time and peak memory from the engine's statistics: the fallback without a cgroup of ours.

What is used after the last sample is missed, so both values are a little low.
"""

from collections.abc import Mapping
from typing import Any

from evaluate.sandbox.measurement.profile_samples import Profile
from evaluate.sandbox.measurement.usage import Usage

_MIB = 2**20


class StatsMeter:
    """The largest values of the samples that it is given."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._cpu_s: float | None = None
        self._peak_mib: float | None = None

    def add(self, sample: Mapping[str, Any]) -> None:
        """Take one answer of the engine's `stats` into account; empty ones are passed over."""
        cpu_ns = sample.get("cpu_stats", {}).get("cpu_usage", {}).get("total_usage")
        memory = sample.get("memory_stats", {})
        # cgroup v1 reports the peak itself, v2 only the present use.
        peak = memory.get("max_usage") or memory.get("usage")
        if cpu_ns and memory.get("usage"):
            self._profile.add(cpu_s=cpu_ns / 1e9, memory_mib=memory["usage"] / _MIB)
        self.take(cpu_s=(cpu_ns or 0) / 1e9, peak_mib=(peak or 0) / _MIB)

    def take(self, *, cpu_s: float, peak_mib: float) -> None:
        """Take totals so far into account; a zero is none."""
        self._cpu_s = max(self._cpu_s or 0.0, cpu_s) or None
        self._peak_mib = max(self._peak_mib or 0.0, peak_mib) or None

    def usage(self) -> Usage:
        """What the samples say."""
        return Usage(cpu_s=self._cpu_s, peak_memory_mib=self._peak_mib, measured_by="stats")
