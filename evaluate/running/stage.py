"""`segjudge run`: from a manifest and submissions to a run directory with runs.csv."""

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from data_manifest.errors import ManifestError
from data_manifest.manifest import Manifest, load_manifest, save_manifest, sha256_of
from data_manifest.progress import Progress, silent
from evaluate.facts.attempts import RunRecord
from evaluate.facts.errors import Problem, RunDirectoryError, UsageError
from evaluate.facts.machine import describe_host, library_versions
from evaluate.facts.rules import Limits, Rules
from evaluate.running import (
    DRIFT_LIMIT,
    Plan,
    Submission,
    drift,
    is_fair,
    remove_stale,
    run_all,
    time_load,
)
from evaluate.sandbox import ImageProblem, Sandbox
from evaluate.store import RunDirectory
from evaluate.store.seals import seal_stage

__all__ = ["parse_submissions", "run_submissions"]

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
                Problem(
                    where=where,
                    found="not of the form NAME=REF",
                    expected="a name of letters, digits, `.`, `_`, `-`, and an image archive,"
                    " image reference or folder",
                    mend="for example --submission alpha=alpha.tar.gz",
                )
            )
        elif team.lower() in {known.lower() for known in submissions}:
            problems.append(Problem(where=where, found="a second team of this name"))
        else:
            submissions[team] = reference
    if problems:
        raise UsageError(*problems)
    return submissions


def _check_data(manifest_path: Path, manifest: Manifest, protocol: Rules) -> None:
    """Every inputs file is there, unaltered, and has the prompts that the protocol asks for."""
    problems = []
    for case in manifest.cases:
        path = manifest_path.parent / case.image.path
        missing = sorted(set(protocol.prompts) - set(case.prompts))
        if not path.is_file():
            found = "no such file"
        elif sha256_of(path) != case.image.sha256:
            found = "another file than when the manifest was made (its SHA-256 differs)"
        elif missing:
            found = f"has no {', '.join(missing)}, which protocol {protocol.name} asks for"
        else:
            continue
        mend = f"`segjudge manifest verify {manifest_path}` lists every problem"
        problems.append(Problem(where=str(path), found=found, mend=mend))
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
    progress: Progress = silent,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    pause: Callable[[float], None] = time.sleep,
) -> RunDirectory:
    """Run submissions on all cases of a manifest, or take up a run that was cut off.

    Args:
        manifest_path: the data; inputs lie beside it.
        protocol: the rules.
        references: team to archive, image reference or folder.
        root: the run directory.
        sandbox: where containers run.
        seed: of the order of turns.
        parallel: containers at a time.
        progress: told after every run.
        now: the clock of run.json's times.
        pause: waits, in seconds, before a run that failed on our side is tried again.

    Returns:
        The run directory, with runs.csv.

    Raises:
        SegjudgeError: bad data, a run directory of another run, or a sandbox that broke.
    """
    manifest = load_manifest(manifest_path)
    _check_data(manifest_path, manifest, protocol)
    run = RunDirectory.claim(root)
    with run.locked():
        run.remove_unfinished()
        remove_stale(run.token)
        facts = _take_up(run, manifest_path, manifest, protocol, seed, sandbox, now)
        submissions = []
        images = []
        try:
            for done, (team, reference) in enumerate(sorted(references.items())):
                progress(done, len(references), f"preparing {team}")
                submission, entry = _prepare(team, reference, sandbox, protocol.limits)
                submissions.append(submission)
                if submission.image:
                    images.append(submission.image)
                facts["submissions"] = sorted(
                    [s for s in facts["submissions"] if s["team"] != team] + [entry],
                    key=lambda s: str(s["team"]),
                )
            run.write_facts(facts)
            plan = Plan(
                protocol=protocol,
                manifest=manifest,
                data_root=manifest_path.parent,
                submissions=tuple(submissions),
                sandbox_name=sandbox.name,
                seed=seed,
            )

            def calibrate() -> None:
                _add_calibration(facts, time_load(), parallel)
                run.write_facts(facts)

            try:
                run_all(
                    plan,
                    run,
                    sandbox,
                    parallel=parallel,
                    progress=progress,
                    between_blocks=calibrate,
                    pause=pause,
                )
            finally:
                run.write_rows([entry.record for entry in run.journal().values()], RunRecord)
        finally:
            for image in images:
                sandbox.release(image)
        facts["finished_at"] = now().isoformat(timespec="seconds")
        run.write_facts(facts)
        seal_stage(run, "run", "manifest.json", "runs.csv")
    return run


def _take_up(
    run: RunDirectory,
    manifest_path: Path,
    manifest: Manifest,
    protocol: Rules,
    seed: int,
    sandbox: Sandbox,
    now: Callable[[], datetime],
) -> dict[str, Any]:
    """Write run.json, after checking that an existing one is of the same data."""
    facts: dict[str, Any] = {
        "schema": 1,
        "created_at": now().isoformat(timespec="seconds"),
        "submissions": [],
        "calibration": {"samples": []},
    }
    if run.exists:
        old = run.facts()
        if old["manifest"]["sha256"] != manifest.digest():
            raise RunDirectoryError(
                Problem(
                    where=str(run.root),
                    found=f"a run on other data ({old['manifest']['path']})",
                    expected=f"a run on {manifest_path}",
                    mend="choose another run directory",
                )
            )
        kept = ["created_at", "submissions", "calibration"]
        if old["protocol"] == msgspec.json.decode(msgspec.json.encode(protocol)):
            # What later stages noted holds on: they compare it with what has run by then.
            kept += [key for key in ("scored_from", "ranking", "ranked_from") if key in old]
        facts |= {key: old[key] for key in kept}
    facts |= {
        "segjudge": library_versions()["segjudge"],
        "finished_at": None,
        "seed": seed,
        "protocol": protocol.to_json(),
        "manifest": {
            "name": manifest.name,
            "sha256": manifest.digest(),
            "path": str(manifest_path.resolve()),
            "cases": len(manifest.cases),
        },
        "sandbox": {
            "name": sandbox.name,
            "isolated": sandbox.isolated,
            **sandbox.describe(),
        },
        "host": describe_host(),
        "versions": library_versions(),
    }
    run.write_facts(facts)
    save_manifest(manifest, run.root / "manifest.json")
    return facts


def _prepare(
    team: str, reference: str, sandbox: Sandbox, limits: Limits
) -> tuple[Submission, dict[str, Any]]:
    """A team's image, or why there is none: that is the team's failure, not the run's."""
    entry: dict[str, Any] = {"team": team, "reference": reference}
    try:
        image = sandbox.prepare(reference, limits=limits)
    except ImageProblem as problem:
        entry |= {"kind": None, "digest": None, "details": {}, "problem": str(problem)}
        return Submission(team=team, image=None, problem=str(problem)), entry
    entry |= {"kind": image.kind, "digest": image.digest, "details": image.details}
    return Submission(team=team, image=image), entry


def _add_calibration(facts: dict[str, Any], seconds: float, parallel: int) -> None:
    samples = [*facts["calibration"]["samples"], seconds]
    facts["calibration"] = {
        "samples": samples,
        "drift": drift(samples),
        "limit": DRIFT_LIMIT,
        "parallel": max(parallel, facts["calibration"].get("parallel", 1)),
        "fair": is_fair(samples) and parallel == 1,
    }
