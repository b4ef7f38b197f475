"""`segjudge run`: from a manifest and submissions to a run directory with runs.csv."""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from data_manifest.errors import ManifestError
from data_manifest.manifest import Manifest, load_manifest, sha256_of
from data_manifest.progress import Progress, silent
from evaluate.cluster import ClusterAddress
from evaluate.documents.run import (
    Calibration,
    ManifestReference,
    RunDocument,
    StageRules,
    SubmissionEntry,
    rules_key,
)
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Finding, RunDirectoryError, UsageError
from evaluate.facts.machine import Host, Machine
from evaluate.facts.rules import Rules
from evaluate.running import (
    DRIFT_LIMIT,
    LoadTime,
    Plan,
    Submission,
    drift,
    is_fair,
    remove_stale,
    run_all,
)
from evaluate.running.this_machine import describe_machine
from evaluate.sandbox import ImageProblem, Sandbox
from evaluate.sandbox.models import parted
from evaluate.store import RunDirectory
from evaluate.store.seals import seal_stage

if TYPE_CHECKING:
    from evaluate.cluster.fleet import Fleet

_TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def parse_submissions(arguments: list[str]) -> dict[str, str]:
    """Read `NAME=REF` arguments.

    Raises:
        UsageError: not of that form, or a name twice.
    """
    submissions: dict[str, str] = {}
    problems = []
    for argument in arguments:
        team, equals, reference = argument.partition("=")
        where = f"--submission {argument}"
        if not equals or not reference or not _TEAM.fullmatch(team):
            problems.append(
                Finding(
                    where=where,
                    found="not of the form NAME=REF",
                    expected="a name of letters, digits, `.`, `_`, `-`, and an image archive,"
                    " image reference or folder",
                    mend="for example --submission alpha=alpha.tar.gz",
                )
            )
        elif team.lower() in {known.lower() for known in submissions}:
            problems.append(
                Finding(
                    where=where,
                    found="a second team of this name",
                    expected="names that differ by more than capitals",
                )
            )
        else:
            submissions[team] = reference
    if problems:
        raise UsageError(*problems)
    return submissions


def _check_data(manifest_path: Path, manifest: Manifest, protocol: Rules) -> None:
    """Every inputs file is there, unaltered, and has the prompts that the protocol asks for."""
    problems = []
    for case, entry in ((each, entry) for each in manifest.cases for entry in each.inputs):
        path = manifest_path.parent / entry.path
        missing = sorted(set(protocol.prompts) - set(case.prompts))
        if not path.is_file():
            fault = "no such file"
        elif sha256_of(path) != entry.sha256:
            fault = "another file than when the manifest was made (its SHA-256 differs)"
        elif missing:
            fault = f"has no {', '.join(missing)}, which protocol {protocol.name} asks for"
        elif refusal := protocol.layout.refusal(case):
            fault = f"{refusal} (protocol {protocol.name})"
        else:
            continue
        mend = f"`segjudge manifest verify {manifest_path}` lists every problem"
        problems.append(Finding(where=str(path), found=fault, mend=mend))
    if problems:
        raise ManifestError(*problems)


def run_submissions(
    *,
    manifest_path: Path,
    protocol: Rules,
    references: Mapping[str, str],
    root: Path,
    sandbox: Sandbox,
    seed: int = 0,
    parallel: int = 1,
    cluster: ClusterAddress | None = None,
    progress: Progress = silent,
    said: Callable[[str], None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    pause: Callable[[float], None] = time.sleep,
    host: Host | None = None,
) -> RunDirectory:
    """Run submissions on all cases of a manifest, or take up a run that was cut off.

    Returns:
        The run directory, with runs.csv.

    Raises:
        SegjudgeError: bad data, a run directory of another run, or a sandbox that broke.
    """
    manifest = load_manifest(manifest_path)
    _check_data(manifest_path, manifest, protocol)
    run = RunDirectory.claim(root)
    _refuse_models(references, protocol, cluster)
    with run.locked(), ExitStack() as stack:
        remove_stale(run.token)
        fleet = None if cluster is None else _reach(cluster, stack)
        if fleet is not None:
            said(fleet.shown_at)
        machine = describe_machine(sandbox, host=host)
        document = _take_up(run, manifest_path, manifest, protocol, seed, machine, now)
        submissions = []
        images = []
        try:
            for done, (team, reference) in enumerate(sorted(references.items())):
                progress(done, len(references), f"preparing {team}")
                submission, entry = _prepare(team, reference, sandbox, protocol)
                submissions.append(submission)
                if submission.image:
                    images.append(submission.image)
                document = document.with_submission(entry)
            run.write_run_document(document)
            plan = Plan(
                protocol=protocol,
                manifest=manifest,
                data_root=manifest_path.parent,
                submissions=tuple(submissions),
                machine=machine,
                seed=seed,
            )

            def calibrated(on: Machine, load: LoadTime, slots: int) -> None:
                nonlocal document
                document = _with_sample(document, on, load, slots)
                run.write_run_document(document)

            try:
                run_all(
                    plan,
                    run,
                    sandbox,
                    parallel=parallel,
                    fleet=fleet,
                    progress=progress,
                    calibrated=calibrated,
                    pause=pause,
                )
            finally:
                run.write_rows(list(run.attempts()), Attempt)
        finally:
            for image in images:
                sandbox.release(image)
        finished_at = now().isoformat(timespec="seconds")
        document = msgspec.structs.replace(document, finished_at=finished_at)
        run.write_run_document(document.reduced_to(run.attempts()))
        seal_stage(run, "run", "manifest.json", "runs.csv")
    return run


def _take_up(
    run: RunDirectory,
    manifest_path: Path,
    manifest: Manifest,
    protocol: Rules,
    seed: int,
    machine: Machine,
    now: Callable[[], datetime],
) -> RunDocument:
    """Write run.json, after checking that an existing one is of the same data."""
    document = RunDocument(
        segjudge=machine.versions["segjudge"],
        created_at=now().isoformat(timespec="seconds"),
        seed=seed,
        manifest=ManifestReference(
            name=manifest.name,
            sha256=manifest.digest(),
            path=str(manifest_path.resolve()),
            cases=len(manifest.cases),
        ),
        rules={rules_key(protocol): protocol},
        stages=StageRules(run=rules_key(protocol)),
        machines={machine.key: machine},
    )
    if run.exists:
        document = _continued(document, run.document(), where=run.root)
    run.write_run_document(document)
    run.write_manifest(manifest)
    return document


def _continued(new: RunDocument, old: RunDocument, *, where: Path) -> RunDocument:
    """The facts of a run that is taken up again, with what holds on of those before.

    Raises:
        RunDirectoryError: it was a run on other data.
    """
    if old.manifest.sha256 != new.manifest.sha256:
        raise RunDirectoryError(
            where=str(where),
            found=f"a run on other data ({old.manifest.path})",
            expected=f"a run on {new.manifest.path}",
            mend="choose another run directory",
        )
    merged = msgspec.structs.replace(
        new,
        created_at=old.created_at,
        submissions=old.submissions,
        rules={**old.rules, **new.rules},
        machines={key: m for key, m in old.machines.items() if key not in new.machines}
        | new.machines,
        calibration=old.calibration,
    )
    if old.stages.run != new.stages.run:
        return merged
    # What later stages noted holds on: they compare it with what has run by then.
    return msgspec.structs.replace(
        merged,
        stages=old.stages,
        scored_from=old.scored_from,
        ranking=old.ranking,
        ranked_from=old.ranked_from,
    )


def _refuse_models(
    references: Mapping[str, str], protocol: Rules, cluster: ClusterAddress | None
) -> None:
    """A model folder that no container would see is a mistake."""
    reason = ""
    if protocol.container.model is None:
        reason = f"and protocol {protocol.name} has no place for one (`container.model`)"
    elif cluster is not None:
        reason = "which is not sent to the machines of a cluster"
    problems = [
        Finding(
            where=f"--submission {team}={reference}",
            found=f"a model folder, {reason}",
            expected="an image that holds its model",
        )
        for team, reference in references.items()
        if reason and parted(reference)[1] is not None
    ]
    if problems:
        raise UsageError(*problems)


def _prepare(
    team: str, reference: str, sandbox: Sandbox, protocol: Rules
) -> tuple[Submission, SubmissionEntry]:
    """A team's image, or why there is none: that is the team's failure, not the run's."""
    try:
        image = sandbox.prepare(reference, limits=protocol.limits)
    except ImageProblem as problem:
        entry = SubmissionEntry(team=team, reference=reference, problem=str(problem))
        return Submission(team=team, image=None, problem=str(problem)), entry
    entry = SubmissionEntry(
        team=team,
        reference=reference,
        kind=image.kind,
        digest=image.identity,
        details=image.details,
    )
    return Submission(team=team, image=image), entry


def _reach(cluster: ClusterAddress, stack: ExitStack) -> "Fleet":
    from evaluate.cluster.reaching import open_fleet  # it brings dask

    return open_fleet(cluster, stack)


def _with_sample(
    document: RunDocument, machine: Machine, load: LoadTime, parallel: int
) -> RunDocument:
    """The document with one more time of the calibration's load on a machine."""
    key = machine.key
    before = document.calibration.get(key)
    samples = (*(before.samples if before else ()), load.seconds)
    others = (*(before.others_cpus if before else ()), load.others_cpus)
    throttled = before.throttled if before else ()
    most = max(parallel, before.parallel if before else 1)
    calibration = Calibration(
        samples=samples,
        drift=drift(samples),
        limit=DRIFT_LIMIT,
        parallel=most,
        others_cpus=others,
        throttled=throttled if load.throttled is None else (*throttled, load.throttled),
        fair=is_fair(samples) and most == 1,
    )
    return msgspec.structs.replace(
        document,
        machines={**document.machines, key: machine},
        calibration={**document.calibration, key: calibration},
    )
