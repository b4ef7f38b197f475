"""The facts that stages exchange: frozen, flat, one record a row of a table in the run directory.

The columns of the public CSV files are these fields, in this order; a field with a default is a
column only where some row has a value.
"""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CaseScore", "LabelScore", "ModalityScore", "Outcome", "RunRecord"]


class Outcome(StrEnum):
    """How one case of one submission ended."""

    OK = "ok"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    NONZERO_EXIT = "nonzero_exit"
    NO_OUTPUT = "no_output"
    BAD_OUTPUT = "bad_output"
    OUTPUT_TOO_LARGE = "output_too_large"
    IMAGE_ERROR = "image_error"
    HARNESS_ERROR = "harness_error"

    @property
    def is_failure(self) -> bool:
        """Whether the participant failed: scored by the protocol's failure policy."""
        return self not in (Outcome.OK, Outcome.HARNESS_ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
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
        gpu_memory_area_mib_s: the same for GPU memory, where there is a GPU.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScore:
    """One label of one case: a row of label_scores.csv. None: the value is undefined."""

    team: str
    case: str
    modality: str
    label: int
    dsc: float | None
    nsd: float | None
    reference_voxels: int
    prediction_voxels: int
    iou: float | None = None
    sensitivity: float | None = None
    precision: float | None = None
    volume_difference: float | None = None
    hd: float | None = None
    hd95: float | None = None
    assd: float | None = None
    lesion_f1: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseScore:
    """One case of one team: a row of case_scores.csv.

    For a failed case the scores and `wall_s` are the failure policy's; for a `harness_error` they
    are None, as is any value that the protocol leaves undefined.
    """

    team: str
    case: str
    modality: str
    dimension: str
    outcome: Outcome
    reason: str
    dsc: float | None
    nsd: float | None
    wall_s: float | None
    cpu_s: float | None
    peak_memory_mib: float | None
    iou: float | None = None
    sensitivity: float | None = None
    precision: float | None = None
    volume_difference: float | None = None
    hd: float | None = None
    hd95: float | None = None
    assd: float | None = None
    lesion_f1: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModalityScore:
    """One metric of one team over the cases of a modality: a row of modality_scores.csv.

    Attributes:
        n: how many values the statistics are over; cases with an undefined value are left out.
        failures: how many of the cases failed (they are in n, with the failure policy's value).
        sd: sample standard deviation (n - 1); None if n < 2.
    """

    team: str
    modality: str
    metric: str
    n: int
    failures: int
    mean: float | None
    sd: float | None
    median: float | None
    q25: float | None
    q75: float | None
