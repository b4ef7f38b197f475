"""`segjudge check`: the organiser's own run and scoring of one submission, looked at closely.

Nothing is run or scored here in another way than by `segjudge run` and `segjudge score`: the same
functions, in a run directory that is thrown away.
"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
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
    build_sanity_cases,
    estimate_findings,
    filled_boxes,
    gathered,
    gravest_first,
    make_finding,
    mask_hits,
    one_slice_finding,
    repeat_findings,
    run_findings,
    score_variants,
    variant_findings,
)
from evaluate.pipeline.runs import run_submissions
from evaluate.pipeline.scores import score_run
from evaluate.predictions import BadPrediction, read_prediction
from evaluate.protocol import Protocol
from evaluate.records import CaseScore
from evaluate.running.schedule import turns
from evaluate.sandbox import Sandbox
from evaluate.scoring.case_scores import score_case
from evaluate.store import RunDirectory

__all__ = ["CheckedCase", "SubmissionCheck", "check_submission"]

_TEAM = "submission"
_REPEATED = 4
_LabelMap = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCase:
    """One case of a check.

    Attributes:
        case: of the manifest.
        score: as the run was scored.
        time_share, memory_share: of the protocol's limits; None if not measured.
        baseline_dsc, baseline_nsd: of the filled boxes.
        inputs, reference, prediction: to be shown; None where they were not asked for, or there is
            no mask.
    """

    case: Case
    score: CaseScore
    time_share: float | None
    memory_share: float | None
    baseline_dsc: float | None
    baseline_nsd: float | None
    inputs: CaseInputs | None = None
    reference: Reference | None = None
    prediction: _LabelMap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionCheck:
    """All that was found, the gravest first, and the cases."""

    findings: list[CheckFinding]
    cases: list[CheckedCase]


def check_submission(
    reference: str,
    *,
    protocol: Protocol,
    sandbox: Sandbox,
    manifest_path: Path | None = None,
    keep_images: bool = False,
    progress: Progress = silent,
) -> SubmissionCheck:
    """Run and score one submission as `segjudge run` would, twice on some cases; keep nothing.

    Args:
        reference: archive, image reference or folder.
        protocol: the rules.
        sandbox: where containers run.
        manifest_path: cases of the team's own; the sanity cases by default.
        keep_images: whether images and masks are handed on, for pictures.
        progress: told after every run.
    """
    observer = ObservingSandbox(sandbox)
    with tempfile.TemporaryDirectory(prefix="segjudge-check-") as name:
        scratch = Path(name)
        data = manifest_path or build_sanity_cases(scratch / "data")
        manifest = load_manifest(data)

        def run(data: Path, root: Path, seed: int) -> RunDirectory:
            return run_submissions(
                manifest_path=data,
                protocol=protocol,
                references={_TEAM: reference},
                root=root,
                sandbox=observer,
                seed=seed,
                progress=progress,
            )

        first = run(data, scratch / "run", 0)
        examination = _Examination(protocol, data.parent, first, keep_images)
        trials = _trials(first, manifest, observer)
        findings = run_findings(trials, protocol)
        scores = {score.case: score for score in score_run(first.root, workers=1).cases}
        cases = [examination.examine(trial, scores[trial.case.id]) for trial in trials]
        findings += examination.findings([trial.case.id for trial in trials])
        findings += estimate_findings(trials, protocol.limits, protocol.submission.largest_case)
        chosen = _to_repeat(trials)
        if chosen:
            again = _part(data, manifest, chosen, scratch / "again")
            seed = _other_order([case.id for case in manifest.cases], [case.id for case in chosen])
            second = run(again, scratch / "second", seed)
            findings += repeat_findings(
                [_repeat(case, first, second, examination) for case in chosen]
            )
        findings += _one_slice(manifest, examination)
    findings += _sandbox_finding(sandbox)
    return SubmissionCheck(findings=gravest_first(findings), cases=cases)


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
        self, protocol: Protocol, data_root: Path, run: RunDirectory, keep_images: bool
    ) -> None:
        self._protocol = protocol
        self._data_root = data_root
        self._run = run
        self._keep = keep_images
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

    def examine(self, trial: Trial, score: CaseScore) -> CheckedCase:
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
            self._variants.append(score_variants(case.id, reference.labels, prediction))
            if score.dsc is not None and floor.dsc is not None:
                self._pairs.append((score.dsc, floor.dsc))
        kept = self._keep
        return CheckedCase(
            case=case,
            score=score,
            time_share=_share(trial.record.wall_s, limits.timeout_s),
            memory_share=_share(trial.record.peak_memory_mib, limits.memory_mib),
            baseline_dsc=floor.dsc,
            baseline_nsd=floor.nsd,
            inputs=inputs if kept else None,
            reference=reference if kept else None,
            prediction=prediction if kept else None,
        )

    def findings(self, cases: Sequence[str]) -> list[CheckFinding]:
        """Of all cases that were examined."""
        if not self._variants:
            return []
        return [
            *gathered(self._hits, cases),
            *variant_findings(self._variants),
            *accuracy_finding(self._pairs),
        ]


def _share(value: float | None, limit: float) -> float | None:
    return None if value is None else value / limit


def _to_repeat(trials: Sequence[Trial]) -> list[Case]:
    """The smallest case of each dimension, and of the rest the ones with an answer, in order."""
    answered = sorted(
        (trial.case for trial in trials if trial.answered),
        key=lambda case: (int(np.prod(case.shape)), case.id),
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
