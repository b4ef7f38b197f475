"""What is to be scored of a run directory."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from data_manifest.manifest import Manifest, sha256_of
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Finding, RunDirectoryError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Limits
from evaluate.facts.scoring_rules import MEASURED
from evaluate.facts.turns import LAST_ROUND
from evaluate.scoring.jobs import ScoringJob
from evaluate.store import JournalEntry, RunDirectory

__all__ = ["jobs_of_run", "plain_digests", "prices_of_failure"]

Digests: TypeAlias = Callable[[Iterable[Path]], Mapping[Path, str | None]]


def plain_digests(paths: Iterable[Path]) -> dict[Path, str | None]:
    """SHA-256 of each file, read now; None where there is none."""
    return {path: sha256_of(path) if path.is_file() else None for path in paths}


def jobs_of_run(
    run: RunDirectory,
    journal: Mapping[tuple[str, str, int], JournalEntry],
    *,
    manifest: Manifest,
    data_root: Path,
    teams: list[str],
    limits: Limits,
    with_prompts: bool = False,
    digests: Digests = plain_digests,
) -> list[ScoringJob]:
    """Every case of every team; one that was not run yet counts as an error of the harness.

    Args:
        run: where predictions are.
        journal: what was run.
        manifest: the cases.
        data_root: where their references are.
        teams: whose.
        limits: that the run had, which price a failure.
        with_prompts: whether the scores depend on text prompts, which lie in the images' files.
        digests: SHA-256 of files, None where there is none.

    Raises:
        RunDirectoryError: references or predictions are missing or altered; all are named.
    """
    references = {case.id: data_root / case.reference.path for case in manifest.cases}
    hashes = digests([*references.values(), *_predictions(run, journal).values()])
    problems = _altered_references(manifest, references, hashes)
    problems += _altered_predictions(run, journal, hashes)
    if problems:
        raise RunDirectoryError(*problems)
    prices = prices_of_failure(limits, [entry.record for entry in journal.values()])
    jobs = []
    for team in teams:
        for case in manifest.cases:
            entry = journal.get((team, case.id, LAST_ROUND))
            record = entry.record if entry else None
            path = run.prediction_path(team, case.id)
            jobs.append(
                ScoringJob(
                    team=team,
                    case=case.id,
                    modality=case.modality,
                    dimension=case.dimension,
                    reference=references[case.id],
                    prediction=path if path.exists() else None,
                    outcome=record.outcome if record else Outcome.HARNESS_ERROR,
                    reason=record.reason if record else "not run yet",
                    measured={name: getattr(record, name) for name in MEASURED} if record else {},
                    prices=prices,
                    judged=True,
                    prompts=data_root / case.image.path if with_prompts else None,
                    reference_sha256=case.reference.sha256,
                    prediction_sha256=entry.prediction_sha256 if entry else None,
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


def _predictions(
    run: RunDirectory, journal: Mapping[tuple[str, str, int], JournalEntry]
) -> dict[tuple[str, str, int], Path]:
    return {key: run.prediction_path(key[0], key[1]) for key in journal}


def _altered_references(
    manifest: Manifest, references: Mapping[str, Path], hashes: Mapping[Path, str | None]
) -> list[Finding]:
    return [
        Finding(
            where=str(references[case.id]),
            found="no such file"
            if hashes[references[case.id]] is None
            else "another file than when the manifest was made (its SHA-256 differs)",
            expected=f"the reference of case {case.id}",
            mend="put it back, or name the data's manifest with `--manifest`",
        )
        for case in manifest.cases
        if hashes[references[case.id]] != case.reference.sha256
    ]


def _altered_predictions(
    run: RunDirectory,
    journal: Mapping[tuple[str, str, int], JournalEntry],
    hashes: Mapping[Path, str | None],
) -> list[Finding]:
    return [
        Finding(
            where=str(path),
            found="not the file that the run left",
            expected=f"SHA-256 {journal[key].prediction_sha256}, found {hashes[path]}",
            mend="`segjudge run` with the same arguments runs this case again",
        )
        for key, path in _predictions(run, journal).items()
        if hashes[path] != journal[key].prediction_sha256
    ]
