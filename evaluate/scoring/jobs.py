"""What is to be scored, and the scoring of one case from its files, in whichever process."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import metrics
from data_manifest.layouts import BadPrediction, read_prediction, read_reference
from data_manifest.layouts.labels import Buffer
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore, LabelScore
from evaluate.scoring.case_scores import further_of_empty_mask, score_case, scored_labels

__all__ = ["CaseResult", "ScoringJob", "score_job"]


_REFERENCE, _PREDICTION = Buffer(), Buffer()
"""This process's memory for one case, used again for the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringJob:
    """One case of one team.

    Attributes:
        prediction: the team's file; None where the run left none that counts.
        outcome: of the run; `ok` where there was no run.
        wall_s, cpu_s, peak_memory_mib: as measured by the run.
        timed: whether there was a run, so that a failure costs the time limit.
    """

    team: str
    case: str
    modality: str
    dimension: str
    reference: Path
    prediction: Path | None
    outcome: Outcome = Outcome.OK
    reason: str = ""
    wall_s: float | None = None
    cpu_s: float | None = None
    peak_memory_mib: float | None = None
    timed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """A case's row and its labels' rows."""

    case: CaseScore
    labels: tuple[LabelScore, ...]


def score_job(job: ScoringJob, protocol: Rules) -> CaseResult:
    """Score one case; a failed one by the protocol's failure policy.

    Raises:
        CaseFileError: the reference can't be read.
    """
    if job.outcome is Outcome.HARNESS_ERROR:
        return unscored(job, job.reason)
    if job.outcome is not Outcome.OK:
        return _failed(job, protocol, job.outcome, job.reason)
    if job.prediction is None:
        return _failed(job, protocol, Outcome.NO_OUTPUT, "no prediction file")
    reference = read_reference(job.reference, into=_REFERENCE)
    prediction = read_prediction(
        job.prediction,
        output=protocol.output,
        shape=reference.labels.shape,
        spacing_mm=reference.spacing_mm,
        max_bytes=protocol.limits.output_mib << 20,
        into=_PREDICTION,
    )
    if isinstance(prediction, BadPrediction):
        return _failed(job, protocol, Outcome.BAD_OUTPUT, prediction.reason)
    measures = score_case(reference, prediction, protocol.scoring)
    labels = tuple(
        LabelScore(
            team=job.team,
            case=job.case,
            modality=job.modality,
            label=label.label,
            dsc=label.dsc,
            nsd=label.nsd,
            reference_voxels=label.reference_voxels,
            prediction_voxels=label.prediction_voxels,
            **label.further,
        )
        for label in measures.labels
    )
    scores = {"dsc": measures.dsc, "nsd": measures.nsd, **measures.further}
    row = _row(job, Outcome.OK, "", scores, wall_s=job.wall_s)
    return CaseResult(case=row, labels=labels)


def unscored(job: ScoringJob, reason: str) -> CaseResult:
    """A case that failed on our side: no score, until it is run again."""
    row = _row(job, Outcome.HARNESS_ERROR, reason, {"dsc": None, "nsd": None}, wall_s=None)
    return CaseResult(case=row, labels=())


def _failed(job: ScoringJob, protocol: Rules, outcome: Outcome, reason: str) -> CaseResult:
    """The failure policy: its values, and the time limit as the time, if time was measured."""
    reference = read_reference(job.reference, into=_REFERENCE)
    counted = metrics.Comparison(reference.labels, reference.labels)
    costs = {
        "dsc": protocol.failures.dsc,
        "nsd": protocol.failures.nsd,
        **further_of_empty_mask(reference, protocol.scoring),
    }
    labels = tuple(
        LabelScore(
            team=job.team,
            case=job.case,
            modality=job.modality,
            label=label,
            reference_voxels=counted.reference_voxels(label),
            prediction_voxels=0,
            **costs,
        )
        for label in scored_labels(counted.reference_labels, protocol.scoring)
    )
    row = _row(
        job,
        outcome,
        reason,
        costs,
        wall_s=protocol.limits.timeout_s if job.timed else None,
    )
    return CaseResult(case=row, labels=labels)


def _row(
    job: ScoringJob,
    outcome: Outcome,
    reason: str,
    scores: Mapping[str, float | None],
    *,
    wall_s: float | None,
) -> CaseScore:
    return CaseScore(
        team=job.team,
        case=job.case,
        modality=job.modality,
        dimension=job.dimension,
        outcome=outcome,
        reason=reason,
        wall_s=wall_s,
        cpu_s=job.cpu_s,
        peak_memory_mib=job.peak_memory_mib,
        **scores,
    )
