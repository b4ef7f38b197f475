"""The levels in their order: files, runs, scores, places."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from data_manifest.findings import Cell, Finding, Severity
from data_manifest.progress import Progress, silent
from evaluate.auditing.file_digests import altered_data, altered_results, file_findings
from evaluate.auditing.rechecking.basis import AtHand, Basis, Pair, made_again, read_basis
from evaluate.auditing.rechecking.places_again import is_stale_ranking, stale_stages, trace_places
from evaluate.auditing.rechecking.scores_again import trace_scores, with_effects_of_protocol
from evaluate.auditing.table_cells import read_cells
from evaluate.auditing.tracing import merged, trace_table
from evaluate.documents.audit import Cause
from evaluate.facts.attempts import Attempt
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore
from evaluate.facts.turns import following_job
from evaluate.running import job_sha256
from evaluate.store import RunDirectory


def trace_runs(basis: Basis) -> list[Finding]:
    """What the journal says, beside runs.csv, the jobs and the cases."""
    records = [entry.record for entry in basis.journal.values()]
    table = read_cells(basis.run.table_path(Attempt))
    findings, _ = trace_table(
        table,
        made_again(table.name, records, Attempt),
        intact=basis.intact(table.name),
        source=Cause.JOURNAL,
        failed={(r.team, r.case) for r in records if r.outcome.is_failure},
    )
    findings += _other_jobs(basis)
    if basis.is_another_journal:
        # Not harmless: the table agrees with a journal that is another one now.
        findings = [
            replace(
                f, code=Cause.TABLE, found="a table of another journal", severity=Severity.PROBLEM
            )
            if not f.is_problem
            else f
            for f in findings
        ]
    return findings + _without_result(basis, findings)


def in_doubt(findings: Sequence[Finding]) -> set[Pair]:
    """Teams and cases whose runs in the journal were edited."""
    edited = [finding for finding in findings if finding.code is Cause.JOURNAL]
    return {(team, case) for f in edited for team in f.teams for case in f.cases}


def _other_jobs(basis: Basis) -> list[Finding]:
    """Runs of another image, other inputs or other limits than run.json says."""
    images = {entry.team: entry.digest or entry.problem for entry in basis.document.submissions}
    inputs = {case.id: case.inputs_sha256 for case in basis.manifest.cases}
    rules = {known.run_sha256 for known in basis.document.rules.values()}
    machines = basis.document.machines
    changed: dict[str, list[str]] = {}
    following: dict[Pair, str] = {}  # of the next round, which stands on this one's answer
    for _, entry in sorted(basis.journal.items()):
        made = entry.record
        pair = (made.team, made.case)
        is_known = made.team in images and made.case in inputs
        is_known = is_known and made.rules_sha256 in rules and made.machine in machines
        expected = is_known and (
            following.get(pair)
            or job_sha256(
                image=images[made.team],
                inputs_sha256=inputs[made.case],
                rules_sha256=made.rules_sha256,
                sandbox=machines[made.machine].sandbox.name,
            )
        )
        following[pair] = following_job(entry.job_sha256, entry.prediction_sha256)
        if entry.job_sha256 != expected and made.case not in changed.setdefault(made.team, []):
            changed[made.team].append(made.case)
    return [
        Finding(
            code=Cause.JOURNAL,
            where=f"runs of {team}",
            expected="made with another image, other inputs, limits or sandbox",
            found="another job by run.json and manifest.json",
            teams=(team,),
            cases=tuple(names),
        )
        for team, names in sorted(changed.items())
        if names
    ]


def _without_result(basis: Basis, told: Sequence[Finding]) -> list[Finding]:
    """Cases that failed on our side, or that no run is recorded of."""
    known = {(team, case) for f in told for team in f.teams for case in f.cases}
    findings = []
    for team in basis.teams:
        for case in basis.manifest.cases:
            entry = basis.journal.get((team, case.id, basis.protocol.rounds.last))
            if entry is None and (team, case.id) not in known:
                words = "no run of it in the journal"
            elif entry is not None and entry.record.outcome is Outcome.HARNESS_ERROR:
                words = f"a failure on our side: {entry.record.reason}"
            else:
                continue
            findings.append(
                Finding(
                    code=Cause.UNFINISHED,
                    where=f"{team} {case.id}",
                    expected="one result for each team and case",
                    found=words,
                    teams=(team,),
                    cases=(case.id,),
                )
            )
    return findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """What was found, and what the rest of an audit goes on with."""

    basis: Basis
    scores: list[CaseScore]
    findings: list[Finding]
    checked: dict[str, int]


def recheck(
    run: RunDirectory, *, at_hand: AtHand | None = None, progress: Progress = silent
) -> Recheck:
    """Compare a run directory with itself, level by level; nothing is written.

    Raises:
        SegjudgeError: run.json or the manifest can't be read at all, or the data are not at hand.
    """
    basis = read_basis(run, at_hand or AtHand())
    data, data_files = altered_data(
        basis.manifest,
        basis.data_root,
        images=basis.at_hand.images,
        references=basis.at_hand.references,
    )
    results, result_files = altered_results(run, basis.journal.values())
    altered = data + results
    runs = trace_runs(basis)
    edited_runs = in_doubt(runs)
    is_stale = basis.is_another_journal and not edited_runs
    scores = trace_scores(
        basis,
        altered,
        edited_runs,
        source=Cause.STALE if is_stale else Cause.TABLE,
        progress=progress,
    )
    # Of a ranking of other scores nothing is to be traced: it has to be made again.
    places, ranked = ([], 0) if is_stale_ranking(basis) else trace_places(basis, scores.believed)
    findings = [
        *basis.findings,
        *file_findings(altered, scores.follows),
        *(_with_cells(finding, scores.follows) for finding in runs),
        *scores.findings,
        *places,
    ]
    findings += stale_stages(basis, findings)
    return Recheck(
        basis=basis,
        scores=scores.believed,
        findings=merged(with_effects_of_protocol(findings, basis, altered, progress)),
        checked={
            "data files": data_files,
            "masks and logs": result_files,
            "runs": len(basis.journal),
            "cases scored again": scores.scored,
            "places": ranked,
        },
    )


def _with_cells(finding: Finding, follows: Mapping[Pair, Sequence[Cell]]) -> Finding:
    """An edited journal with the scores that it would change."""
    if finding.code is not Cause.JOURNAL:
        return finding
    pairs = [(team, case) for team in finding.teams for case in finding.cases]
    more = tuple(cell for pair in pairs for cell in follows.get(pair, ()))
    return replace(finding, cells=finding.cells + more)
