"""What a run used, and which method says so."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Totals over everything that ran.

    Attributes:
        cpu_s: user and system time.
        peak_memory_mib: the largest memory use of all of it together, without pages of files.
        measured_by: `cgroup`; `stats`, which are samples; or `rusage`.
        oom_kills: processes that the kernel killed for memory; None where it does not count them.
        limit_hits: how often the limit of memory was why; None where that is not counted.
        file_pages_mib: the most pages of files that were seen in memory, which `peak_memory_mib`
            leaves out; None where nobody tells them apart.
        throttled_s: how long its limit of CPU time has held its processors back, added up over
            them; None where it has none, or the kernel does not say.
        others_cpus: processors that other programs kept busy meanwhile; None where that is not
            known.
    """

    cpu_s: float | None
    peak_memory_mib: float | None
    measured_by: str
    oom_kills: int | None = None
    limit_hits: int | None = field(default=None, compare=False)
    file_pages_mib: float | None = field(default=None, compare=False)
    throttled_s: float | None = field(default=None, compare=False)
    others_cpus: float | None = field(default=None, compare=False)
