"""`segjudge run`: from a manifest and submissions to a run directory with runs.csv."""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from data_manifest.manifest import load_manifest
from data_manifest.progress import Progress, silent
from evaluate.cluster import ClusterAddress
from evaluate.documents.run import RunDocument
from evaluate.documents.run_parts import Calibration, SubmissionEntry
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Finding, UsageError
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
from evaluate.running.taking_up import check_data, refuse_models, take_up
from evaluate.running.this_machine import describe_machine
from evaluate.sandbox import ImageProblem, Sandbox
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
    check_data(manifest_path, manifest, protocol)
    run = RunDirectory.claim(root)
    refuse_models(references, protocol, cluster)
    with run.locked(), ExitStack() as stack:
        remove_stale(run.token)
        fleet = None if cluster is None else _reach(cluster, stack)
        if fleet is not None:
            said(fleet.shown_at)
        machine = describe_machine(sandbox, host=host)
        document = take_up(run, manifest_path, manifest, protocol, seed, machine, now)
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
