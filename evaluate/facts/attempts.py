"""What happened at a turn: one record a row of runs.csv.

The columns are these fields, in this order; a field with a default is a column only where some row
has a value.
"""

import msgspec

from evaluate.facts.outcome import Outcome


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One container's run on one case: a row of runs.csv.

    Attributes:
        team: the submission's name.
        case: the case's identifier.
        round: 0 for the first round of prompts.
        outcome: how it ended.
        reason: the outcome in words, with a hint where the log gives one; empty if ok.
        exit_code: of the container's command; None if it never ended by itself.
        wall_s: from just before the start is asked for until the exit is seen, monotonic clock.
        cpu_s: user and system time of everything in the container; None if not measured.
        peak_memory_mib: the largest memory use of everything in the container.
        measured_by: `cgroup`, `stats` or `rusage`: the method behind the two above.
        started_at: UTC, ISO 8601.
        startup_s: part of `wall_s`: until the command's first process ran; the rest is its own.
        cpu_area_percent_s: area under CPU use over time, 100 for one core; where profiles are kept.
        memory_area_mib_s: area under memory use over time; where profiles are kept.
        gpu_memory_area_mib_s: the same for the memory of its GPUs, where it has some.
        peak_gpu_memory_mib: the most that it was seen to use of its GPUs' memory.
        gpu_busy_s: how long its GPUs have computed for it, added up over them.
        file_pages_mib: the most pages of files that it was seen to have in memory;
            `peak_memory_mib` is without them.
        throttled_s: how long its limit of CPU time has held its processors back, added up.
        others_cpus: processors that other programs of the machine kept busy meanwhile.
        machine: where it was made: a key of `machines` in run.json.
        rules_sha256: of the rules that decided what the container was given and had to leave
            (`RUN_PARTS`); they stand whole in run.json.
    """

    team: str
    case: str
    round: int
    outcome: Outcome
    reason: str
    exit_code: int | None
    wall_s: float | None
    cpu_s: float | None
    peak_memory_mib: float | None
    measured_by: str
    started_at: str
    startup_s: float | None = None
    cpu_area_percent_s: float | None = None
    memory_area_mib_s: float | None = None
    gpu_memory_area_mib_s: float | None = None
    peak_gpu_memory_mib: float | None = None
    gpu_busy_s: float | None = None
    file_pages_mib: float | None = None
    throttled_s: float | None = None
    others_cpus: float | None = None
    machine: str
    rules_sha256: str
