"""What is to be scored of a run directory."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from data_manifest.manifest import Case, Manifest, sha256_of
from evaluate.documents.journal import JournalEntry
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Finding, RunDirectoryError
from evaluate.facts.metric_rules import MEASURED
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.run_rules import Limits
from evaluate.facts.turns import Turn, following_job
from evaluate.scoring.jobs import ScoringJob
from evaluate.store import RunDirectory

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
    rules: Rules,
    with_prompts: bool = False,
    digests: Digests = plain_digests,
) -> list[ScoringJob]:
    """Every round of every case and team; one not run yet counts as an error of the harness.

    Raises:
        RunDirectoryError: references or predictions are missing or altered; all are named.
    """
    references = {case.id: data_root / case.reference.path for case in manifest.cases}
    hashes = digests([*references.values(), *_predictions(run, journal).values()])
    problems = _altered_references(manifest, references, hashes)
    problems += _altered_predictions(run, journal, hashes)
    if problems:
        raise RunDirectoryError(*problems)
    prices = _prices_by_case(rules, manifest, [entry.record for entry in journal.values()])
    return [
        _job(
            run,
            case,
            Turn(team=team, case=case.id, round=number),
            kept,
            prices=prices[case.id],
            reference=references[case.id],
            prompts=data_root / case.image.path if with_prompts else None,
        )
        for team in teams
        for case in manifest.cases
        for number, kept in _in_one_piece(team, case, rules, journal)
    ]


def _in_one_piece(
    team: str, case: Case, rules: Rules, journal: Mapping[tuple[str, str, int], JournalEntry]
) -> Iterator[tuple[int, JournalEntry | None]]:
    """Every round's result; None from the first on that is missing, or made after another answer.

    A run that makes rounds anew and is cut off leaves later ones, which answered something else.
    """
    job = None
    for number in rules.rounds.of(case):
        entry = journal.get((team, case.id, number))
        if job == "" or (entry and job is not None and entry.job_sha256 != job):
            entry = None
        job = following_job(entry.job_sha256, entry.prediction_sha256) if entry else ""
        yield number, entry


def _job(
    run: RunDirectory,
    case: Case,
    turn: Turn,
    entry: JournalEntry | None,
    *,
    prices: Mapping[str, float],
    reference: Path,
    prompts: Path | None,
) -> ScoringJob:
    record = entry.record if entry else None
    path, *_ = run.files_of(turn)
    return ScoringJob(
        team=turn.team,
        case=case.id,
        modality=case.modality,
        dimension=case.dimension,
        reference=reference,
        prediction=path if path.exists() else None,
        outcome=record.outcome if record else Outcome.HARNESS_ERROR,
        reason=record.reason if record else "not run yet",
        measured={name: getattr(record, name) for name in MEASURED} if record else {},
        prices=prices,
        judged=True,
        prompts=prompts,
        reference_sha256=case.reference.sha256,
        prediction_sha256=entry.prediction_sha256 if entry else None,
        round=turn.round,
        group=case.group,
    )


def _prices_by_case(
    rules: Rules, manifest: Manifest, records: Sequence[Attempt]
) -> dict[str, dict[str, float]]:
    """Of each case, what time and memory count for a failed round of it.

    Where all rounds have a limit together, a round has its share of it.
    """
    by_limit: dict[float, dict[str, float]] = {}
    prices = {}
    for case in manifest.cases:
        budget_s = rules.rounds.budget_s(case)
        limit_s = rules.limits.timeout_s
        if budget_s is not None:
            limit_s = min(limit_s, budget_s / len(rules.rounds.of(case)))
        if limit_s not in by_limit:
            limits = msgspec.structs.replace(rules.limits, timeout_s=limit_s)
            by_limit[limit_s] = prices_of_failure(limits, records)
        prices[case.id] = by_limit[limit_s]
    return prices


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
    return {
        (team, case, number): run.files_of(Turn(team=team, case=case, round=number))[0]
        for team, case, number in journal
    }


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
