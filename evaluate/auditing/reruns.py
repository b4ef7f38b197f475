"""`segjudge audit --rerun`: every team's container again, twice, on the same cases."""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from data_manifest.findings import Cell
from data_manifest.manifest import Case, Manifest, save_manifest
from data_manifest.progress import Progress, silent
from evaluate.auditing.changes import change_of, ratio_of
from evaluate.auditing.documents import differing_leaves
from evaluate.auditing.masks import agreement
from evaluate.auditing.rechecking import Recheck
from evaluate.auditing.rechecking.basis import Basis
from evaluate.auditing.samples import sample_cases
from evaluate.auditing.submissions import Found
from evaluate.documents.audit import (
    CaseAgain,
    Cause,
    Change,
    LoadThenAndNow,
    Ratio,
    RerunPart,
    TeamAgain,
)
from evaluate.facts.errors import Problem, UsageError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore
from evaluate.pairing import draw_counts
from evaluate.ranking import places_of
from evaluate.running.stage import run_submissions
from evaluate.sandbox import Sandbox
from evaluate.scoring.stage import score_run
from evaluate.store import JournalEntry, RunDirectory

__all__ = ["Rerun", "rerun"]

_REPLICATES = 2000
_ENOUGH_TO_STRATIFY = 5
# Names, labels and folders that every container has of its own.
_OF_ONE_RUN = frozenset({"environment", "Labels", "HostConfig.CgroupParent", "HostConfig.Mounts"})
_MEASURED = ("wall_s", "cpu_s", "peak_memory_mib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """What running again gave.

    Attributes:
        cases: that were run again.
        of: how many there are.
        seed: of the sample.
        teams: one a team.
        scores: of the first new run, by team and case.
        calibration: seconds of the fixed load, then and now.
        notes: what a reader of the times should know.
    """

    cases: tuple[str, ...]
    of: int
    seed: int
    teams: tuple[TeamAgain, ...]
    scores: Mapping[tuple[str, str], CaseScore]
    calibration: tuple[Sequence[float], Sequence[float]]
    notes: tuple[str, ...]

    def part(self) -> RerunPart:
        """The part of audit.json that tells of it."""
        then, now = self.calibration
        return RerunPart(
            cases=self.cases,
            of=self.of,
            seed=self.seed,
            calibration_s=LoadThenAndNow(then=then, now=now),
            teams=self.teams,
            notes=self.notes,
        )


def rerun(
    run: RunDirectory,
    checked: Recheck,
    found: Mapping[str, Found],
    sandbox: Sandbox,
    *,
    sample: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Rerun:
    """Run submissions again, twice, and compare what they give with what was recorded.

    Args:
        run: the run directory; nothing is written.
        checked: what a recheck of it found.
        found: each team's submission, as it is now.
        sandbox: where containers run.
        sample: how many cases; None for all.
        seed: of the sample.
        progress: told after every run.

    Raises:
        UsageError: another sandbox than the run's, or no case whose files are as they were.
    """
    basis = checked.basis
    name = basis.document.last_machine.sandbox.name
    if sandbox.name != name:
        raise UsageError(
            Problem(
                where="--sandbox",
                found=f"the {sandbox.name} sandbox",
                expected=f"the one of the run, {name}",
                mend=f"--sandbox {name}",
            )
        )
    changed = {
        case
        for finding in checked.findings
        if finding.code in (Cause.INPUTS, Cause.REFERENCE)
        for case in finding.cases
    }
    usable = [case for case in basis.manifest.cases if case.id not in changed]
    if not usable:
        raise UsageError(
            Problem(
                where=str(basis.data_root),
                found="no case whose inputs and reference are those of the run",
                mend="name the data's manifest with `--manifest`",
            )
        )
    cases = sample_cases(usable, sample, seed=seed)
    with tempfile.TemporaryDirectory(prefix="segjudge-audit-") as scratch:
        return _Work(run, checked, found, cases, Path(scratch)).all(sandbox, seed, progress)


class _Work:
    """One re-run: two runs of the same sample, and what they say."""

    def __init__(
        self,
        run: RunDirectory,
        checked: Recheck,
        found: Mapping[str, Found],
        cases: Sequence[Case],
        scratch: Path,
    ) -> None:
        self._run, self._basis, self._found, self._cases = run, checked.basis, found, cases
        self._scratch = scratch
        self._rules = _rules_of(checked.basis)
        self._scores = {(row.team, row.case): row for row in checked.scores}

    def all(self, sandbox: Sandbox, seed: int, progress: Progress) -> Rerun:
        """Run twice, score, compare."""
        manifest_path = self._sample_data()
        references = {t: f.reference for t, f in self._found.items() if not f.problem}
        runs: list[RunDirectory] = []
        scores: dict[tuple[str, str], CaseScore] = {}
        if references:
            runs += [
                run_submissions(
                    manifest_path=manifest_path,
                    protocol=self._rules,
                    references=references,
                    root=self._scratch / name,
                    sandbox=sandbox,
                    seed=self._basis.document.seed,
                    progress=progress,
                )
                for name in ("first", "second")
            ]
            scored = score_run(self._scratch / "first", workers=1)
            scores = {(row.team, row.case): row for row in scored.cases}
        then = self._basis.document.load_samples
        now = [sample for again in runs for sample in again.document().load_samples]
        standing = self._places(scores)
        journals = [again.journal() for again in runs]
        counts = self._draws(seed)
        generator = np.random.default_rng([seed, 1])
        teams = []
        for team, found in sorted(self._found.items()):
            if found.problem:
                teams.append(TeamAgain(team=team, problem=found.problem))
                continue
            again = tuple(self._compare(team, case, runs, journals, scores) for case in self._cases)
            teams.append(
                TeamAgain(
                    team=team,
                    cases=again,
                    changes=self._changes(team, scores, counts),
                    ratios=self._ratios(team, journals, counts, (then, now), generator),
                    place_then=standing[0].get(team),
                    place_now=standing[1].get(team),
                )
            )
        return Rerun(
            cases=tuple(sorted(case.id for case in self._cases)),
            of=len(self._basis.manifest.cases),
            seed=seed,
            teams=tuple(teams),
            scores=scores,
            calibration=(then, now),
            notes=tuple(self._notes(runs)),
        )

    def _sample_data(self) -> Path:
        """A manifest of the sample, whose files are links to the data's own."""
        folder = self._scratch / "data"
        root = self._basis.data_root.resolve()
        for case in self._cases:
            for entry in (case.image, case.reference):
                link = folder / entry.path
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(root / entry.path)
        whole = self._basis.manifest
        sample = Manifest(schema=1, name=whole.name, cases=tuple(self._cases))
        save_manifest(sample, folder / "manifest.json")
        return folder / "manifest.json"

    def _compare(
        self,
        team: str,
        case: Case,
        runs: Sequence[RunDirectory],
        journals: Sequence[Mapping[tuple[str, str, int], JournalEntry]],
        scores: Mapping[tuple[str, str], CaseScore],
    ) -> CaseAgain:
        key = (team, case.id, 0)
        entries = [self._basis.journal.get(key), *(journal.get(key) for journal in journals)]
        outcomes = [e.record.outcome.value if e else "not run" for e in entries]
        paths = [r.prediction_path(team, case.id) for r in (self._run, *runs)]
        hashes = [entry.prediction_sha256 if entry else None for entry in entries]

        def same(first: int, second: int) -> bool:
            if outcomes[first] != outcomes[second]:
                return False
            if hashes[first] == hashes[second]:
                return True
            return agreement(paths[first], paths[second], case, self._rules).same

        masks = None
        if outcomes[0] == outcomes[1] == Outcome.OK:
            masks = agreement(paths[0], paths[1], case, self._rules)
        old, new = self._scores.get((team, case.id)), scores.get((team, case.id))
        return CaseAgain(
            case=case.id,
            modality=case.modality,
            outcomes=(outcomes[0], outcomes[1], outcomes[2]),
            is_same=same(0, 1),
            is_stable=same(1, 2),
            dsc_of_masks=masks.dsc if masks else None,
            voxels=masks.voxels if masks else None,
            changes={
                metric: _difference(_value(old, metric), _value(new, metric))
                for metric in self._metrics()
            },
        )

    def _metrics(self) -> list[str]:
        return list(self._rules.scoring.names)

    def _draws(self, seed: int) -> Any:
        """Resamples of the sample's cases, within modalities where each has enough of them.

        A modality with one case would be drawn as it is every time, and hide how cases vary.
        """
        self._cases = sorted(self._cases, key=lambda case: (case.modality, case.id))
        sizes = Counter(case.modality for case in self._cases)
        if min(sizes.values()) < _ENOUGH_TO_STRATIFY:
            sizes = Counter({"all": len(self._cases)})
        strata, start = [], 0
        for _, size in sorted(sizes.items()):
            strata.append(slice(start, start + size))
            start += size
        return draw_counts(strata, _REPLICATES, np.random.default_rng([seed, 0]))

    def _changes(
        self, team: str, scores: Mapping[tuple[str, str], CaseScore], counts: Any
    ) -> dict[str, Change]:
        rules = self._rules.reproduction
        margins = {"dsc": rules.dsc, "nsd": rules.nsd}
        found = {}
        for metric in self._metrics():
            old, new = (
                [_value(table.get((team, case.id)), metric) for case in self._cases]
                for table in (self._scores, scores)
            )
            change = change_of(old, new, counts, margin=margins.get(metric), alpha=rules.alpha)
            if change is not None:
                found[metric] = change
        return found

    def _ratios(
        self,
        team: str,
        journals: Sequence[Mapping[tuple[str, str, int], JournalEntry]],
        counts: Any,
        calibration: tuple[Sequence[float], Sequence[float]],
        generator: np.random.Generator,
    ) -> dict[str, Ratio]:
        found = {}
        for name in _MEASURED:
            old: list[float | None] = []
            new: list[float | None] = []
            for case in self._cases:
                entries = [j.get((team, case.id, 0)) for j in (self._basis.journal, *journals)]
                ok = all(e is not None and e.record.outcome is Outcome.OK for e in entries)
                values = [getattr(e.record, name) for e in entries if e] if ok else [None] * 3
                old.append(values[0])
                # Two new runs of one case are one new value: the cases are what varies.
                pair = [v for v in values[1:] if v]
                new.append(float(np.exp(np.mean(np.log(pair)))) if len(pair) == 2 else None)
            ratio = ratio_of(
                old,
                new,
                counts,
                calibration=None if name == "peak_memory_mib" else calibration,
                margin=self._rules.reproduction.wall_ratio if name == "wall_s" else None,
                generator=generator,
            )
            if ratio is not None:
                found[name] = ratio
        return found

    def _places(
        self, scores: Mapping[tuple[str, str], CaseScore]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Places as recorded, and with the new masks' scores; times stay as they were."""
        then = list(self._scores.values())
        now = [
            _with_masks_of(row, scores.get((row.team, row.case)), self._metrics()) for row in then
        ]
        if any(row.outcome is Outcome.HARNESS_ERROR for row in (*then, *now)):
            return {}, {}
        return places_of(then, self._basis.protocol), places_of(now, self._basis.protocol)

    def _notes(self, runs: Sequence[RunDirectory]) -> list[str]:
        notes = []
        documents = [self._basis.document, *(again.document() for again in runs)]
        if not all(document.is_steady for document in documents):
            notes.append(
                "a machine drifted, or ran several containers at a time: ratios of times say less"
            )
        notes += [f"{team}: {f.note}" for team, f in sorted(self._found.items()) if f.note]
        return notes + self._other_options(runs)

    def _other_options(self, runs: Sequence[RunDirectory]) -> list[str]:
        """What containers were given then and are not given now, or the other way round."""
        cells: dict[Cell, None] = {}
        for again in runs[:1]:
            for key, entry in again.journal().items():
                before = self._basis.journal.get(key)
                if before is not None and before.sandbox and entry.sandbox:
                    options = (before.sandbox, entry.sandbox)
                    found = differing_leaves("container options", *options, ignored=_OF_ONE_RUN)
                    cells |= dict.fromkeys(found)
        return [f"{c.where}: {c.recorded} then, {c.found} now" for c in cells]


def _rules_of(basis: Basis) -> Rules:
    """Containers and limits as when it was run, scoring as when it was scored."""
    stages = basis.evidence.stages if basis.evidence else {}
    if "run" not in stages:
        return basis.protocol
    now = basis.protocol
    return msgspec.structs.replace(
        stages["run"].protocol,
        scoring=now.scoring,
        ranking=now.ranking,
        reproduction=now.reproduction,
    )


def _value(score: CaseScore | None, metric: str) -> float | None:
    return None if score is None else score.value(metric)


def _difference(old: float | None, new: float | None) -> float | None:
    return None if old is None or new is None else new - old


def _with_masks_of(old: CaseScore, new: CaseScore | None, metrics: Sequence[str]) -> CaseScore:
    if new is None or new.outcome is Outcome.HARNESS_ERROR:
        return old
    times = {} if new.outcome is old.outcome else {name: new.value(name) for name in _MEASURED}
    values = {name: new.value(name) for name in metrics}
    return replace(old.with_values(**(values | times)), outcome=new.outcome, reason=new.reason)
