"""What is to be scored, and the scoring of cases from their files, in whichever process."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_manifest.cases import Reference
from data_manifest.errors import CaseFileError
from data_manifest.layouts import BadPrediction, read_prediction, read_reference
from data_manifest.layouts.labels import Buffer
from data_manifest.layouts.scored_fields import Box
from data_manifest.layouts.text_prompts import TextPrompts, read_text_prompts
from evaluate.facts.metric_rules import MEASURED
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore, LabelScore, LesionScore, RoundScore
from evaluate.scoring.case_scores import CaseMeasures, PreparedCase
from metrics.kernel import keep_memory
from metrics.windows import cut_out

_TURNED = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From a reference's x and y, to the right and to the front, to those of the table."""

_LARGEST = 8
"""How much larger than the image a box may be."""


def within_field(
    reference: Reference, prediction: npt.NDArray[np.integer], box_mm: Box, *, where: str
) -> tuple[Reference, npt.NDArray[np.integer]]:
    """Both maps on the box's own grid, voxel on nearest voxel; outside the image is background.

    Args:
        reference: of a file that tells its place.
        prediction: on the reference's grid.
        box_mm: of the case.
        where: the file, for messages.

    Raises:
        CaseFileError: the file tells no place, its axes are not those of its world, or the box is
            far larger than the image.
    """
    labels, spacing_mm = reference.labels, reference.spacing_mm
    affine = np.zeros((4, 4)) if reference.affine is None else _TURNED @ reference.affine
    steps = np.diag(affine)[:3]
    if spacing_mm is None or not steps.all() or not np.allclose(affine[:3, :3], np.diag(steps)):
        fault, expected = "no place in mm, or turned axes", "what a box in mm can be cut from"
        raise CaseFileError(where=where, found=fault, expected=expected)
    low, high = np.array(box_mm[:3]), np.array(box_mm[3:])
    size = np.rint((high - low) / np.array(spacing_mm[::-1])).astype(int)
    corner = np.where(steps > 0, low, high)  # the voxel with the lowest index
    first = np.floor((corner - affine[:3, 3]) / steps + 0.5).astype(int)
    if size.prod() > _LARGEST * labels.size:
        fault = f"a box of {size.tolist()} voxels"
        raise CaseFileError(where=where, found=fault, expected="a box within the image")
    place = {"first": tuple(first[::-1].tolist()), "size": tuple(size[::-1].tolist())}
    cut = cut_out(labels, **place), cut_out(prediction, **place)
    return replace(reference, labels=cut[0]), cut[1]


UNREAD = "its reference can't be scored against"
"""Begins the reason of a case without a score for which the organiser has to mend a file."""

_REFERENCE, _PREDICTION = Buffer(), Buffer()
"""This process's memory for one case, used again for the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringJob:
    """One case of one team.

    Attributes:
        prediction: the team's file; None where the run left none that counts.
        outcome: of the run; `ok` where there was no run.
        measured: by the run: time and memory, by metric.
        prices: what they count for a failed case; none where there was no run.
        judged: whether the run has judged the very bytes of the prediction, so that they are not
            judged again.
        reference_sha256, prediction_sha256: of the files, where they are known.
        prompts: the file with the case's text prompts, for a protocol that needs them.
        box_mm: the part of the image that alone is scored, as its file's place tells it.
        own_files: whether the prediction is the organiser's own file, whose links are followed.
        round: of prompts.
        group: of the case, such as its patient.
    """

    team: str
    case: str
    modality: str
    dimension: str
    reference: Path
    prediction: Path | None
    outcome: Outcome = Outcome.OK
    reason: str = ""
    measured: Mapping[str, float | None] = field(default_factory=dict)
    prices: Mapping[str, float] = field(default_factory=dict)
    judged: bool = False
    reference_sha256: str | None = None
    prediction_sha256: str | None = None
    prompts: Path | None = None
    box_mm: Box | None = None
    own_files: bool = False
    round: int = 0
    group: str = ""

    @property
    def truth(self) -> tuple[Path, Path | None, bool]:
        """What is read and prepared once for all teams."""
        return self.reference, self.prompts, self.own_files


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """A case's row and its labels' rows, of one round; of a whole case also its rounds' rows.

    The measures are what the rows are made of, but for teams and times; None of several rounds.
    """

    case: CaseScore
    labels: tuple[LabelScore, ...]
    lesions: tuple[LesionScore, ...] = ()
    round: int = 0
    rounds: tuple[RoundScore, ...] = ()
    measures: CaseMeasures | None = None


class _Truth:
    """What a job is scored against, read at the first question: memory holds one at a time."""

    def __init__(self, job: ScoringJob, protocol: Rules) -> None:
        self.named, self._scoring = job.truth, protocol.scoring
        self._one_hot = protocol.references.one_hot if job.own_files else ""

    @cached_property
    def reference(self) -> Reference:
        return read_reference(self.named[0], one_hot=self._one_hot, into=_REFERENCE)

    @cached_property
    def _asked(self) -> TextPrompts | None:
        return None if self.named[1] is None else read_text_prompts(self.named[1])

    @cached_property
    def prepared(self) -> PreparedCase:
        return PreparedCase(self.reference, self._scoring, self._asked)

    def measures(self, job: ScoringJob, prediction: npt.NDArray[np.integer]) -> CaseMeasures:
        if job.box_mm is None:
            return self.prepared.measures(prediction)
        cut = within_field(self.reference, prediction, job.box_mm, where=str(job.reference))
        return PreparedCase(cut[0], self._scoring, self._asked).measures(cut[1])


def score_job(job: ScoringJob, protocol: Rules) -> CaseResult:
    """Score one case; a failed one by what a failure costs.

    Whose reference can't be read has no score: an error of ours, which is listed.
    """
    return next(score_together([job], protocol))


def score_together(jobs: Iterable[ScoringJob], protocol: Rules) -> Iterator[CaseResult]:
    """Score cases one after the other, as `score_job` does each.

    What jobs in a row share, such as a case's teams and rounds, is read and prepared once.
    """
    keep_memory()
    truth: _Truth | None = None
    for job in jobs:
        if truth is None or truth.named != job.truth:
            truth = _Truth(job, protocol)
        try:
            yield _scored(job, protocol, truth)
        except CaseFileError as error:
            yield unscored(job, f"{UNREAD}: {error.problems[0]}")


def _scored(job: ScoringJob, protocol: Rules, truth: _Truth) -> CaseResult:
    if job.outcome is Outcome.HARNESS_ERROR:
        return unscored(job, job.reason)
    if job.outcome is not Outcome.OK:
        return _failed(job, truth, job.outcome, job.reason)
    if job.prediction is None:
        return _failed(job, truth, Outcome.NO_OUTPUT, "no prediction file")
    reference = truth.reference
    prediction = read_prediction(
        job.prediction,
        output=protocol.output,
        shape=reference.labels.shape,
        spacing_mm=reference.spacing_mm,
        max_bytes=protocol.limits.output_mib << 20,
        follow_links=job.own_files,
        affine=reference.affine,
        allowed=protocol.scoring.allowed_labels,
        into=_PREDICTION,
    )
    if isinstance(prediction, BadPrediction):
        if job.judged and not prediction.readable:
            fault = f"the run took this output as a mask, and scoring can't: {prediction.reason}"
            return unscored(job, fault)
        return _failed(job, truth, Outcome.BAD_OUTPUT, prediction.reason)
    return _result(job, Outcome.OK, "", truth.measures(job, prediction), job.measured)


def result_of(job: ScoringJob, measures: CaseMeasures) -> CaseResult:
    """The rows of a case whose numbers are known, by its own outcome and times."""
    if job.outcome is Outcome.OK:
        return _result(job, Outcome.OK, "", measures, job.measured)
    return _result(job, job.outcome, job.reason, measures, job.prices)


def unscored(job: ScoringJob, reason: str) -> CaseResult:
    """A case that failed on our side: no score, until it is run again."""
    return _result(job, Outcome.HARNESS_ERROR, reason, CaseMeasures(values={}, labels=()), {})


def _failed(job: ScoringJob, truth: _Truth, outcome: Outcome, reason: str) -> CaseResult:
    """What a failure costs: the only place where it is paid."""
    failed = dataclasses.replace(job, outcome=outcome, reason=reason)
    return result_of(failed, truth.prepared.costs_of_failure)


def _result(
    job: ScoringJob,
    outcome: Outcome,
    reason: str,
    measures: CaseMeasures,
    measured: Mapping[str, float | None],
) -> CaseResult:
    row = CaseScore(
        team=job.team,
        case=job.case,
        modality=job.modality,
        dimension=job.dimension,
        outcome=outcome,
        reason=reason,
        values=dict(measures.values) | {name: measured.get(name) for name in MEASURED},
        group=job.group,
    )
    labels = tuple(
        LabelScore(
            team=job.team,
            case=job.case,
            modality=job.modality,
            label=label.label,
            values=label.values,
            reference_voxels=label.reference_voxels,
            prediction_voxels=label.prediction_voxels,
        )
        for label in measures.labels
    )
    lesions = tuple(
        LesionScore(team=job.team, case=job.case, **dataclasses.asdict(lesion))
        for lesion in measures.lesions
    )
    return CaseResult(case=row, labels=labels, lesions=lesions, round=job.round, measures=measures)
