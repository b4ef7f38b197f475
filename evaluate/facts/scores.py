"""What was scored: one record a row of a table of scores.

The columns are these fields, in this order; a field with a default is a column only where some row
has a value.
"""

from dataclasses import dataclass

from evaluate.facts.outcome import Outcome

__all__ = ["CaseScore", "LabelScore", "ModalityScore"]


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
