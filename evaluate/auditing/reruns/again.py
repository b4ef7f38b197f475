"""Every team's container again, twice, on the same cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from data_manifest.findings import Cell
from data_manifest.manifest import Case, Manifest, save_manifest
from data_manifest.progress import Progress, silent
from evaluate.auditing.rechecking import Recheck
from evaluate.auditing.rechecking.basis import Basis
from evaluate.auditing.reruns.teams_again import Beside, NewRuns, draws_of
from evaluate.auditing.submissions import Found
from evaluate.auditing.table_cells import differing_leaves
from evaluate.cluster import ClusterAddress
from evaluate.documents.audit import Cause
from evaluate.documents.audited_reruns import LoadThenAndNow, RerunPart, TeamAgain
from evaluate.facts.errors import UsageError
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore
from evaluate.running.stage import run_submissions
from evaluate.sandbox import Sandbox
from evaluate.sandbox.scratch import scratch_folder
from evaluate.scoring.stage import score_run
from evaluate.store import RunDirectory

# Names, labels and folders that every container has of its own.
_OF_ONE_RUN = frozenset({"environment", "Labels", "HostConfig.CgroupParent", "HostConfig.Mounts"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """What running again gave: a part of audit.json, and the new scores by team and case."""

    part: RerunPart
    scores: Mapping[tuple[str, str], CaseScore]


def rerun(
    run: RunDirectory,
    checked: Recheck,
    submissions: Mapping[str, Found],
    sandbox: Sandbox,
    *,
    sample: int | None = None,
    seed: int = 0,
    cluster: ClusterAddress | None = None,
    progress: Progress = silent,
) -> Rerun:
    """Run submissions again, twice, and compare what they give with what was recorded.

    Nothing is written into the run directory. No sample means all cases.

    Raises:
        UsageError: another sandbox than the run's, or no case whose files are as they were.
    """
    basis = checked.basis
    name = basis.document.last_machine.sandbox.name
    if sandbox.name != name:
        raise UsageError(
            where="--sandbox",
            found=f"the {sandbox.name} sandbox",
            expected=f"the one of the run, {name}",
            mend=f"--sandbox {name}",
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
            where=str(basis.data_root),
            found="no case whose inputs and reference are those of the run",
            mend="name the data's manifest with `--manifest`",
        )
    drawn = sample_cases(usable, sample, seed=seed)
    cases = tuple(sorted(drawn, key=lambda case: (case.modality, case.id)))
    with scratch_folder() as scratch:
        rules = _rules_of(basis)
        new = _run_twice(basis, rules, submissions, cases, scratch, sandbox, cluster, progress)
        beside = Beside(
            run=run,
            basis=basis,
            rules=rules,
            recorded={(row.team, row.case): row for row in checked.scores},
            new=new,
            counts=draws_of(cases, seed),
            generator=np.random.default_rng([seed, 1]),
        )
        then, now = beside.places()
        calibration = LoadThenAndNow(then=new.calibration[0], now=new.calibration[1])
        teams = tuple(
            TeamAgain(team=team, problem=submission.problem)
            if submission.problem
            else beside.team(team, then.get(team), now.get(team))
            for team, submission in sorted(submissions.items())
        )
        part = RerunPart(
            cases=tuple(sorted(case.id for case in cases)),
            of=len(basis.manifest.cases),
            seed=seed,
            calibration_s=calibration,
            teams=teams,
            notes=tuple(_notes(basis, submissions, new.runs)),
        )
        return Rerun(part=part, scores=new.scores)


def _run_twice(
    basis: Basis,
    rules: Rules,
    submissions: Mapping[str, Found],
    cases: tuple[Case, ...],
    scratch: Path,
    sandbox: Sandbox,
    cluster: ClusterAddress | None,
    progress: Progress,
) -> NewRuns:
    """Run what can be run on the sample, twice, and score the first."""
    manifest_path = _sample_data(basis, cases, scratch / "data")
    references = {t: f.reference for t, f in submissions.items() if not f.problem}
    runs = tuple(
        run_submissions(
            manifest_path=manifest_path,
            protocol=rules,
            references=references,
            root=scratch / name,
            sandbox=sandbox,
            cluster=cluster,
            seed=basis.document.seed,
            progress=progress,
        )
        for name in (("first", "second") if references else ())
    )
    scored = score_run(scratch / "first", workers=1).cases if runs else []
    now = [sample for again in runs for sample in again.document().load_samples]
    return NewRuns(
        cases=cases,
        runs=runs,
        journals=tuple(again.journal() for again in runs),
        scores={(row.team, row.case): row for row in scored},
        calibration=(basis.document.load_samples, now),
    )


def _sample_data(basis: Basis, cases: Sequence[Case], folder: Path) -> Path:
    """A manifest of the sample, whose files are links to the data's own."""
    root = basis.data_root.resolve()
    for case in cases:
        for entry in case.files:
            link = folder / entry.path
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(root / entry.path)
    whole = basis.manifest
    sample = Manifest(
        schema=1, name=whole.name, cases=tuple(sorted(cases, key=lambda case: case.id))
    )
    save_manifest(sample, folder / "manifest.json")
    return folder / "manifest.json"


def _notes(
    basis: Basis, submissions: Mapping[str, Found], runs: Sequence[RunDirectory]
) -> list[str]:
    notes = []
    documents = [basis.document, *(again.document() for again in runs)]
    if not all(document.is_steady for document in documents):
        notes.append(
            "a machine drifted, or ran several containers at a time: ratios of times say less"
        )
    notes += [f"{team}: {f.note}" for team, f in sorted(submissions.items()) if f.note]
    return notes + _other_options(basis, runs)


def _other_options(basis: Basis, runs: Sequence[RunDirectory]) -> list[str]:
    """What containers were given then and are not given now, or the other way round."""
    cells: dict[Cell, None] = {}
    for again in runs[:1]:
        for key, entry in again.journal().items():
            before = basis.journal.get(key)
            if before is not None and before.sandbox and entry.sandbox:
                options = (before.sandbox, entry.sandbox)
                leaves = differing_leaves("container options", *options, ignored=_OF_ONE_RUN)
                cells |= dict.fromkeys(leaves)
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


def sample_cases(cases: Sequence[Case], size: int | None, *, seed: int) -> list[Case]:
    """Draw cases without replacement, stratified by modality.

    Each modality gets its share of the sample by largest remainders, and at least one case as long
    as the sample is large enough for that.

    Returns:
        The sample, sorted by name.
    """
    if size is None or size >= len(cases):
        return sorted(cases, key=lambda case: case.id)
    strata: dict[str, list[Case]] = {}
    for case in sorted(cases, key=lambda case: case.id):
        strata.setdefault(case.modality, []).append(case)
    names = sorted(strata, key=lambda name: (-len(strata[name]), name))
    taken = {name: int(index < size) for index, name in enumerate(names)}
    while sum(taken.values()) < size:
        # Who is furthest below its share is next; a stratum that is used up is not asked.
        open_ = [name for name in names if taken[name] < len(strata[name])]
        lack = {name: size * len(strata[name]) / len(cases) - taken[name] for name in open_}
        taken[max(open_, key=lambda name: lack[name])] += 1
    drawn = []
    for index, name in enumerate(sorted(strata)):
        order = np.random.default_rng([seed, index]).permutation(len(strata[name]))
        drawn += [strata[name][position] for position in order[: taken[name]]]
    return sorted(drawn, key=lambda case: case.id)
