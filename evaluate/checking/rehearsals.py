"""The runs of one check: all cases, then some of them once more in another order.

Nothing is run or scored here in another way than by `segjudge run` and `segjudge score`: the same
functions, in run directories that are thrown away.
"""

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from data_manifest.findings import Finding, Severity
from data_manifest.manifest import Case, Manifest, load_manifest, save_manifest
from data_manifest.progress import Progress
from evaluate.checking.check_findings import hit, make_finding, nothing_found
from evaluate.checking.examinations import TEAM, Drawer, Examination, ExaminedCase
from evaluate.checking.round_checks import case_in_rounds, round_findings
from evaluate.checking.run_checks import estimate_findings, run_findings
from evaluate.checking.sanity import ONE_SLICE_PAIR, is_odd
from evaluate.checking.trials import ObservingSandbox, Trial, gathered
from evaluate.facts.rules import Rules
from evaluate.running.schedule import turns
from evaluate.running.stage import run_submissions
from evaluate.sandbox import Sandbox
from evaluate.scoring.stage import score_run
from evaluate.store import RunDirectory
from metrics import dice

_LabelMap = npt.NDArray[np.integer]
_NEARLY = 0.99
_ALIKE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One case run twice."""

    case: str
    outcomes: tuple[str, str]
    first: _LabelMap | None
    second: _LabelMap | None


def repeat_findings(repeats: Sequence[Repeat]) -> list[Finding]:
    """What differs between the first and the second time."""
    hits = [noticed for repeat in repeats if (noticed := _difference(repeat)) is not None]
    if hits:
        return gathered(hits, [repeat.case for repeat in repeats])
    if not any(repeat.first is not None for repeat in repeats):
        return []
    return [nothing_found("repeatable", f"{len(repeats)} cases twice: the same, bit for bit")]


def _difference(repeat: Repeat) -> Finding | None:
    if repeat.outcomes[0] != repeat.outcomes[1]:
        words = f"first {repeat.outcomes[0]}, then {repeat.outcomes[1]}"
        return hit("repeatable", repeat.case, words)
    first, second = repeat.first, repeat.second
    if first is None or second is None or np.array_equal(first, second):
        return None
    share = np.count_nonzero(first != second) / first.size
    agreement = _agreement(first, second)
    severity = Severity.NOTE if agreement >= _NEARLY else Severity.WARNING
    words = f"the two masks differ in {share:.2%} of the voxels; DSC between them {agreement:.4f}"
    return hit("repeatable", repeat.case, words, severity)


def _agreement(first: _LabelMap, second: _LabelMap) -> float:
    labels = [label for label in np.union1d(first, second).tolist() if label > 0]
    return float(np.mean([dice(first == k, second == k) for k in labels])) if labels else 1.0


def one_slice_finding(flat: _LabelMap | None, slice_of_one: _LabelMap | None) -> list[Finding]:
    """Whether a volume of one slice gets the mask that the same image gets in 2D."""
    if flat is None or slice_of_one is None or not (flat.any() and slice_of_one.any()):
        return []
    agreement = _agreement(flat, slice_of_one[0])
    words = f"DSC between the two masks {agreement:.2f}"
    if agreement >= _ALIKE:
        return [nothing_found("one-slice", words)]
    both = "the same image in 2D and as one slice"
    return [make_finding("one-slice", Severity.NOTE, subject=both, found=words)]


Picture = TypeVar("Picture")

_REPEATED = 4


class Rehearsal:
    """A submission's runs before the organiser's."""

    def __init__(
        self,
        reference: str,
        protocol: Rules,
        sandbox: Sandbox,
        data: Path,
        scratch: Path,
        progress: Progress,
    ) -> None:
        self._reference = reference
        self._protocol = protocol
        self._observer = ObservingSandbox(sandbox, protocol.output)
        self._data = data
        self._scratch = scratch
        self._progress = progress
        self.findings: list[Finding] = []

    def run(self, draw: Drawer[Picture] | None) -> list[ExaminedCase[Picture]]:
        """Run, score and examine; what is found is in `findings`."""
        protocol, manifest = self._protocol, load_manifest(self._data)
        first = self._run(self._data, "first", 0)
        examination = Examination(protocol, self._data.parent, first, draw)
        trials = _trials(first, manifest, self._observer)
        scored = score_run(first.root, workers=1)
        scores = {score.case: score for score in scored.cases}
        self.findings += run_findings(trials, protocol)
        cases = [examination.examine(trial, scores[trial.case.id]) for trial in trials]
        self.findings += examination.findings([trial.case.id for trial in trials])
        if protocol.rounds.number > 1:
            looked = (
                case_in_rounds(first, protocol, case, self._data.parent, TEAM)
                for case in manifest.cases
            )
            self.findings += round_findings([c for c in looked if c], scored.rounds)
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
            references={TEAM: self._reference},
            root=self._scratch / name,
            sandbox=self._observer,
            seed=seed,
            progress=self._progress,
        )


def _trials(run: RunDirectory, manifest: Manifest, observer: ObservingSandbox) -> list[Trial]:
    journal = run.journal()
    seen = {observation.case: observation for observation in observer.observations}
    last = run.last_round
    return [
        Trial(case=case, record=journal[TEAM, case.id, last].record, observation=seen.get(case.id))
        for case in manifest.cases
    ]


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
        blocks = turns([TEAM], dict.fromkeys(cases, range(1)), seed=seed)
        return [turn.case for block in blocks for (turn,) in block if turn.case in chosen]

    before = order(everything, 0)
    return next((seed for seed in range(1, 100) if order(chosen, seed) != before), 1)


def _part(data: Path, manifest: Manifest, cases: Sequence[Case], out: Path) -> Path:
    """Copies of some cases' files, with a manifest of their own."""
    for case in cases:
        for entry in case.files:
            target = out / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(data.parent / entry.path, target)
    part = Manifest(schema=1, name=manifest.name, cases=tuple(cases))
    save_manifest(part, out / "manifest.json")
    return out / "manifest.json"


def _repeat(
    case: Case, first: RunDirectory, second: RunDirectory, examination: Examination[Picture]
) -> Repeat:
    turn = (TEAM, case.id, first.last_round)
    outcomes = [run.journal()[turn].record.outcome for run in (first, second)]
    return Repeat(
        case=case.id,
        outcomes=(str(outcomes[0]), str(outcomes[1])),
        first=examination.prediction(case),
        second=examination.prediction(case, second),
    )


def _one_slice(manifest: Manifest, examination: Examination[Picture]) -> list[Finding]:
    cases = {case.id: case for case in manifest.cases}
    if not set(ONE_SLICE_PAIR) <= set(cases):
        return []
    return one_slice_finding(*(examination.prediction(cases[name]) for name in ONE_SLICE_PAIR))


def _sandbox_finding(sandbox: Sandbox) -> list[Finding]:
    severity, words = Severity.NOTE, "nothing is isolated, the limits are only watched"
    if sandbox.isolated:
        severity, words = Severity.OK, "no network, an unprivileged user, a read-only root"
    return [make_finding("sandbox", severity, found=f"{sandbox.name}: {words}")]
