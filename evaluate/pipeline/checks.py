"""`segjudge check`: the organiser's own run and scoring of one submission, looked at closely.

Nothing is run or scored here in another way than by `segjudge run` and `segjudge score`: the same
functions, in a run directory that is thrown away.
"""

import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs, Reference, read_inputs, read_reference
from data_manifest.manifest import Case, Manifest, load_manifest, save_manifest
from data_manifest.progress import Progress, silent
from evaluate.checking import (
    ONE_SLICE_PAIR,
    CheckFinding,
    Hit,
    ObservingSandbox,
    Repeat,
    Severity,
    Trial,
    VariantScores,
    accuracy_finding,
    archive_findings,
    build_sanity_cases,
    estimate_findings,
    filled_boxes,
    folder_findings,
    gathered,
    gravest_first,
    is_odd,
    make_finding,
    mask_hits,
    one_slice_finding,
    passes,
    repeat_findings,
    run_findings,
    score_variants,
    variant_findings,
    without_consequences,
)
from evaluate.pipeline.runs import run_submissions
from evaluate.pipeline.scores import score_run
from evaluate.predictions import BadPrediction, read_prediction
from evaluate.protocol import Protocol
from evaluate.records import CaseScore
from evaluate.reporting.check_page import ExaminedCase
from evaluate.reporting.failures import log_tail
from evaluate.reporting.pictures import CasePicture, draw_case
from evaluate.running.schedule import turns
from evaluate.sandbox import Sandbox
from evaluate.sandbox.layers import save_image
from evaluate.scoring.case_scores import score_case
from evaluate.store import RunDirectory

__all__ = ["NEEDS_ENGINE", "SubmissionCheck", "check_submission"]

NEEDS_ENGINE = "it can't be run: an image needs a container engine, and none answers"
"""Why an archive was not run."""

_TEAM = "submission"
_REPEATED = 4
_MOST_PICTURES = 60
_MOST_VARIED = 30  # masks that do not fit: more would tell the same mistake again
_LabelMap = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionCheck:
    """All that was found.

    Attributes:
        findings: the gravest first.
        cases: as they ran.
        not_run: why nothing was run; empty if something was.
    """

    findings: list[CheckFinding]
    cases: list[ExaminedCase]
    not_run: str = ""


def check_submission(
    reference: str,
    *,
    protocol: Protocol,
    sandbox: Sandbox | None,
    manifest_path: Path | None = None,
    pictures: bool = False,
    progress: Progress = silent,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SubmissionCheck:
    """Look at a submission, then run and score it as `segjudge run` would; keep nothing.

    Some cases are run twice. Nothing is run where an archive can't be: it is no image, or there is
    no engine.

    Args:
        reference: archive, image reference or folder.
        protocol: the rules.
        sandbox: where containers run; None to run nothing.
        manifest_path: cases of the team's own; the sanity cases by default.
        pictures: whether the cases are drawn.
        progress: told after every run.
        now: the clock that images are older than.

    Raises:
        SegjudgeError: the reference names nothing, the data are bad, or the sandbox broke.
    """
    with tempfile.TemporaryDirectory(prefix="segjudge-check-") as name:
        scratch = Path(name)
        progress(0, 1, "looking into it")
        findings = _static(reference, protocol, sandbox, scratch, now())
        not_run = _not_run(reference, findings, sandbox)
        cases: list[ExaminedCase] = []
        if sandbox is not None and not not_run:
            data = manifest_path or build_sanity_cases(scratch / "data")
            rehearsal = _Rehearsal(reference, protocol, sandbox, data, scratch, progress)
            cases = rehearsal.run(pictures)
            findings += rehearsal.findings
    return SubmissionCheck(findings=gravest_first(findings), cases=cases, not_run=not_run)


def _static(
    reference: str, protocol: Protocol, sandbox: Sandbox | None, scratch: Path, now: datetime
) -> list[CheckFinding]:
    """What can be seen before anything runs."""
    path = Path(reference)
    if path.is_file():
        return archive_findings(path, protocol, now=now)
    if path.is_dir():
        return folder_findings(path)
    from evaluate.sandbox.images import classify  # the engine's client is not everywhere

    classify(reference)  # raises where it looks like a path
    if sandbox is not None and not sandbox.isolated:
        return []  # which can't run it, and says so
    saved = scratch / "image.tar"
    save_image(reference, saved)
    try:
        findings = archive_findings(saved, protocol, now=now)
    finally:
        saved.unlink()
    of_the_file = ("archive-name", "image-tag", "archive-size")
    return [finding for finding in findings if finding.id not in of_the_file]


def _not_run(reference: str, findings: list[CheckFinding], sandbox: Sandbox | None) -> str:
    if sandbox is None:
        return "only what can be seen without running it was looked at"
    if not passes([f for f in findings if f.id == "archive-readable"]):
        return "it can't be run: it is no image"
    if Path(reference).is_file() and not sandbox.isolated:
        return NEEDS_ENGINE
    return ""


class _Rehearsal:
    """The runs of one check: all cases, then some of them once more in another order."""

    def __init__(
        self,
        reference: str,
        protocol: Protocol,
        sandbox: Sandbox,
        data: Path,
        scratch: Path,
        progress: Progress,
    ) -> None:
        self._reference = reference
        self._protocol = protocol
        self._observer = ObservingSandbox(sandbox)
        self._data = data
        self._scratch = scratch
        self._progress = progress
        self.findings: list[CheckFinding] = []

    def run(self, pictures: bool) -> list[ExaminedCase]:
        """Run, score and examine; what is found is in `findings`."""
        protocol, manifest = self._protocol, load_manifest(self._data)
        first = self._run(self._data, "first", 0)
        examination = _Examination(protocol, self._data.parent, first, pictures)
        trials = _trials(first, manifest, self._observer)
        scores = {score.case: score for score in score_run(first.root, workers=1).cases}
        self.findings += run_findings(trials, protocol)
        cases = [examination.examine(trial, scores[trial.case.id]) for trial in trials]
        self.findings += examination.findings([trial.case.id for trial in trials])
        self.findings += estimate_findings(
            trials, protocol.limits, protocol.submission.largest_case
        )
        chosen = _to_repeat(trials)
        if chosen:
            again = _part(self._data, manifest, chosen, self._scratch / "again")
            seed = _other_order([case.id for case in manifest.cases], [case.id for case in chosen])
            second = self._run(again, "second", seed)
            repeats = [_repeat(case, first, second, examination) for case in chosen]
            self.findings += repeat_findings(repeats)
        self.findings += _one_slice(manifest, examination)
        self.findings += _sandbox_finding(self._observer)
        return cases

    def _run(self, data: Path, name: str, seed: int) -> RunDirectory:
        return run_submissions(
            manifest_path=data,
            protocol=self._protocol,
            references={_TEAM: self._reference},
            root=self._scratch / name,
            sandbox=self._observer,
            seed=seed,
            progress=self._progress,
        )


def _trials(run: RunDirectory, manifest: Manifest, observer: ObservingSandbox) -> list[Trial]:
    journal = run.journal()
    seen = {observation.case: observation for observation in observer.observations}
    return [
        Trial(case=case, record=journal[_TEAM, case.id, 0].record, observation=seen.get(case.id))
        for case in manifest.cases
    ]


class _Examination:
    """The masks of a run, one case at a time: what is wrong with them, and how good they are."""

    def __init__(
        self, protocol: Protocol, data_root: Path, run: RunDirectory, pictures: bool
    ) -> None:
        self._protocol = protocol
        self._data_root = data_root
        self._run = run
        self._pictures = pictures
        self._drawn = 0
        self._hits: list[Hit] = []
        self._variants: list[VariantScores] = []
        self._pairs: list[tuple[float, float]] = []

    def prediction(self, case: Case, run: RunDirectory | None = None) -> _LabelMap | None:
        """A case's mask in this run, or in another; None if there is none."""
        path = (run or self._run).prediction_path(_TEAM, case.id)
        if not path.is_file():
            return None
        found = read_prediction(
            path,
            container=self._protocol.container,
            shape=case.shape,
            spacing_mm=case.spacing_mm,
            max_bytes=self._protocol.limits.output_mib << 20,
        )
        return None if isinstance(found, BadPrediction) else found

    def examine(self, trial: Trial, score: CaseScore) -> ExaminedCase:
        """Look at one case's mask."""
        case, limits = trial.case, self._protocol.limits
        inputs = read_inputs(self._data_root / case.image.path)
        reference = read_reference(self._data_root / case.reference.path)
        prediction = self.prediction(case) if trial.answered else None
        floor = score_case(
            reference, filled_boxes(inputs.boxes, case.shape), self._protocol.scoring
        )
        if prediction is not None:
            self._hits += mask_hits(case.id, inputs.boxes, prediction)
            if sum(bool(score.variants) for score in self._variants) < _MOST_VARIED:
                self._variants.append(score_variants(case.id, reference.labels, prediction))
            if score.dsc is not None and floor.dsc is not None:
                self._pairs.append((score.dsc, floor.dsc))
        return ExaminedCase(
            score=score,
            time_share=_share(trial.record.wall_s, limits.timeout_s),
            memory_share=_share(trial.record.peak_memory_mib, limits.memory_mib),
            baseline_dsc=floor.dsc,
            baseline_nsd=floor.nsd,
            picture=self._draw(case, inputs, reference, prediction) if self._pictures else None,
            log="" if trial.answered else log_tail(self._run, _TEAM, case.id),
        )

    def _draw(
        self, case: Case, inputs: CaseInputs, reference: Reference, prediction: _LabelMap | None
    ) -> CasePicture | None:
        if self._drawn >= _MOST_PICTURES:
            return None
        self._drawn += 1
        return draw_case(
            inputs,
            reference,
            prediction,
            name=f"case-{self._drawn}",
            title=case.id,
            description=f"{case.modality} image with the outlines of the reference and the"
            " prediction, and the prompt boxes",
        )

    def findings(self, cases: Sequence[str]) -> list[CheckFinding]:
        """Of all cases that were examined."""
        if not self._variants:
            return []
        return without_consequences(
            [
                *gathered(self._hits, cases),
                *variant_findings(self._variants),
                *accuracy_finding(self._pairs),
            ]
        )


def _share(value: float | None, limit: float) -> float | None:
    return None if value is None else value / limit


def _to_repeat(trials: Sequence[Trial]) -> list[Case]:
    """The smallest ordinary case of each dimension, and of the rest the smallest."""
    answered = sorted(
        (trial.case for trial in trials if trial.answered),
        key=lambda case: (is_odd(case.id), math.prod(case.shape), case.id),
    )
    smallest = {case.dimension: case for case in reversed(answered)}
    chosen = [*smallest.values(), *(case for case in answered if case not in smallest.values())]
    return sorted(chosen[:_REPEATED], key=lambda case: case.id)


def _other_order(everything: list[str], chosen: list[str]) -> int:
    """A seed by which the chosen cases come in another order than they did by seed 0."""

    def order(cases: list[str], seed: int) -> list[str]:
        return [case for _, case in turns([_TEAM], cases, seed=seed) if case in chosen]

    before = order(everything, 0)
    return next((seed for seed in range(1, 100) if order(chosen, seed) != before), 1)


def _part(data: Path, manifest: Manifest, cases: Sequence[Case], out: Path) -> Path:
    """Copies of some cases' files, with a manifest of their own."""
    for case in cases:
        for entry in (case.image, case.reference):
            target = out / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(data.parent / entry.path, target)
    part = Manifest(schema=1, name=manifest.name, cases=tuple(cases))
    save_manifest(part, out / "manifest.json")
    return out / "manifest.json"


def _repeat(
    case: Case, first: RunDirectory, second: RunDirectory, examination: _Examination
) -> Repeat:
    outcomes = [run.journal()[_TEAM, case.id, 0].record.outcome for run in (first, second)]
    return Repeat(
        case=case.id,
        outcomes=(str(outcomes[0]), str(outcomes[1])),
        first=examination.prediction(case),
        second=examination.prediction(case, second),
    )


def _one_slice(manifest: Manifest, examination: _Examination) -> list[CheckFinding]:
    cases = {case.id: case for case in manifest.cases}
    if not set(ONE_SLICE_PAIR) <= set(cases):
        return []
    return one_slice_finding(*(examination.prediction(cases[name]) for name in ONE_SLICE_PAIR))


def _sandbox_finding(sandbox: Sandbox) -> list[CheckFinding]:
    if sandbox.isolated:
        found = f"{sandbox.name}: no network, an unprivileged user, a read-only root"
        return [make_finding("sandbox", Severity.OK, found=found)]
    found = f"{sandbox.name}: nothing is isolated, the limits are only watched"
    return [make_finding("sandbox", Severity.NOTE, found=found)]
