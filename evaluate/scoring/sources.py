"""What is to be scored of a run directory."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from data_manifest.manifest import Manifest, sha256_of
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Problem, RunDirectoryError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Limits
from evaluate.facts.scoring_rules import MEASURED
from evaluate.scoring.jobs import ScoringJob
from evaluate.store import JournalEntry, RunDirectory

__all__ = ["jobs_of_run", "prices_of_failure"]


def jobs_of_run(
    run: RunDirectory,
    journal: Mapping[tuple[str, str, int], JournalEntry],
    *,
    manifest: Manifest,
    data_root: Path,
    teams: list[str],
    limits: Limits,
) -> list[ScoringJob]:
    """Every case of every team; one that was not run yet counts as an error of the harness.

    Args:
        run: where predictions are.
        journal: what was run.
        manifest: the cases.
        data_root: where their references are.
        teams: whose.
        limits: that the run had, which price a failure.

    Raises:
        RunDirectoryError: references or predictions are missing or altered; all are named.
    """
    problems = _altered_references(manifest, data_root) + _altered_predictions(run, journal)
    if problems:
        raise RunDirectoryError(*problems)
    prices = prices_of_failure(limits, [entry.record for entry in journal.values()])
    jobs = []
    for team in teams:
        for case in manifest.cases:
            entry = journal.get((team, case.id, 0))
            record = entry.record if entry else None
            path = run.prediction_path(team, case.id)
            jobs.append(
                ScoringJob(
                    team=team,
                    case=case.id,
                    modality=case.modality,
                    dimension=case.dimension,
                    reference=data_root / case.reference.path,
                    prediction=path if path.exists() else None,
                    outcome=record.outcome if record else Outcome.HARNESS_ERROR,
                    reason=record.reason if record else "not run yet",
                    measured={name: getattr(record, name) for name in MEASURED} if record else {},
                    prices=prices,
                    judged=True,
                )
            )
    return jobs


def prices_of_failure(limits: Limits, records: Iterable[Attempt]) -> dict[str, float]:
    """What time and memory count for a failed case: the limit, and no less than any result has.

    Without a limit of its own, CPU time has that of the time. Where a sandbox can't enforce a limit
    a result may lie above it, and a failure must not be the cheaper one.
    """
    limit = {
        "wall_s": limits.timeout_s,
        "cpu_s": limits.timeout_s * (limits.cpus or 1.0),
        "peak_memory_mib": float(limits.memory_mib),
    }
    for record in records:
        if record.outcome is Outcome.OK:
            limit = {name: max(limit[name], getattr(record, name) or 0.0) for name in limit}
    return limit


def _altered_references(manifest: Manifest, data_root: Path) -> list[Problem]:
    problems = []
    for case in manifest.cases:
        path = data_root / case.reference.path
        found = "no such file"
        if path.is_file():
            if sha256_of(path) == case.reference.sha256:
                continue
            found = "another file than when the manifest was made (its SHA-256 differs)"
        problems.append(
            Problem(
                where=str(path),
                found=found,
                expected=f"the reference of case {case.id}",
                mend="put it back, or name the data's manifest with `--manifest`",
            )
        )
    return problems


def _altered_predictions(
    run: RunDirectory, journal: Mapping[tuple[str, str, int], JournalEntry]
) -> list[Problem]:
    problems = []
    for (team, case, _), entry in journal.items():
        path = run.prediction_path(team, case)
        found = sha256_of(path) if path.is_file() else None
        if found != entry.prediction_sha256:
            problems.append(
                Problem(
                    where=str(path),
                    found="not the file that the run left",
                    expected=f"SHA-256 {entry.prediction_sha256}, found {found}",
                    mend="`segjudge run` with the same arguments runs this case again",
                )
            )
    return problems
