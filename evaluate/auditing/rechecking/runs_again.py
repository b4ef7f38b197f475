"""The journal beside runs.csv, the jobs that were run, and the cases that should have been."""

from collections.abc import Sequence
from dataclasses import replace

from data_manifest.findings import Finding, Severity
from evaluate.auditing.rechecking.basis import Basis, Pair, made_again
from evaluate.auditing.table_cells import read_cells
from evaluate.auditing.tracing import trace_table
from evaluate.documents.audit import Cause
from evaluate.facts.attempts import Attempt
from evaluate.facts.outcome import Outcome
from evaluate.facts.turns import following_job
from evaluate.running import job_sha256


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
