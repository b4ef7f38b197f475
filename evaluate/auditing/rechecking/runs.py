"""The journal beside runs.csv, the jobs that were run, and the cases that should have been."""

from collections.abc import Sequence
from dataclasses import replace

from data_manifest.findings import Finding, Severity
from evaluate.auditing.rechecking.basis import Basis, Pair, made_again
from evaluate.auditing.table_cells import read_cells
from evaluate.auditing.tracing import trace_table
from evaluate.documents.audit import Cause
from evaluate.documents.run import SubmissionEntry
from evaluate.facts.attempts import RunRecord
from evaluate.facts.outcome import Outcome
from evaluate.running import Plan, Submission, job_sha256
from evaluate.sandbox import Image

__all__ = ["in_doubt", "trace_runs"]


def trace_runs(basis: Basis) -> list[Finding]:
    """What the journal says, beside runs.csv, the jobs and the cases."""
    records = [entry.record for entry in basis.journal.values()]
    table = read_cells(basis.run.table_path(RunRecord))
    findings, _ = trace_table(
        table,
        made_again(table.name, records, RunRecord),
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
    stages = basis.evidence.stages if basis.evidence else {}
    rules = stages["run"].protocol if "run" in stages else basis.protocol
    plan = Plan(
        protocol=rules,
        manifest=basis.manifest,
        data_root=basis.data_root,
        submissions=(),
        sandbox_name=basis.document.last_machine.sandbox.name,
        seed=basis.document.seed,
    )
    submissions = {entry.team: _submission(entry) for entry in basis.document.submissions}
    cases = {case.id: case for case in basis.manifest.cases}
    changed: dict[str, list[str]] = {}
    for entry in basis.journal.values():
        team, case = entry.record.team, entry.record.case
        known = team in submissions and case in cases
        if not known or entry.job_sha256 != job_sha256(plan, submissions[team], cases[case]):
            changed.setdefault(team, []).append(case)
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
    ]


def _submission(entry: SubmissionEntry) -> Submission:
    if not entry.digest:
        return Submission(team=entry.team, image=None, problem=entry.problem)
    image = Image(
        reference=entry.reference,
        digest=entry.digest,
        kind=str(entry.kind),
        handle="",
        details={},
    )
    return Submission(team=entry.team, image=image)


def _without_result(basis: Basis, told: Sequence[Finding]) -> list[Finding]:
    """Cases that failed on our side, or that no run is recorded of."""
    known = {(team, case) for f in told for team in f.teams for case in f.cases}
    findings = []
    for team in basis.teams:
        for case in basis.manifest.cases:
            entry = basis.journal.get((team, case.id, 0))
            if entry is None and (team, case.id) not in known:
                found = "no run of it in the journal"
            elif entry is not None and entry.record.outcome is Outcome.HARNESS_ERROR:
                found = f"a failure on our side: {entry.record.reason}"
            else:
                continue
            findings.append(
                Finding(
                    code=Cause.UNFINISHED,
                    where=f"{team} {case.id}",
                    expected="one result for each team and case",
                    found=found,
                    teams=(team,),
                    cases=(case.id,),
                )
            )
    return findings
