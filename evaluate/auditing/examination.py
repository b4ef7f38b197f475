"""A finished run, looked at for proof: findings, verdicts, and what each place may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from data_manifest.findings import Finding, passes
from data_manifest.progress import Progress, silent
from evaluate.auditing.rechecking import AtHand, Recheck, recheck
from evaluate.auditing.rechecking.basis import Basis
from evaluate.auditing.reruns import Rerun, rerun
from evaluate.auditing.standing import bounds_of_places, judge_team
from evaluate.auditing.submissions import found_submissions
from evaluate.cluster import ClusterAddress
from evaluate.documents.audit import (
    AuditDocument,
    AuditedRun,
    Cause,
    Environment,
    PlaceBounds,
    ThenAndNow,
    Verdict,
    VerdictKind,
    audited,
)
from evaluate.documents.audited_reruns import TeamAgain
from evaluate.documents.run_parts import RankOptions
from evaluate.facts.errors import RankingRefusedError
from evaluate.facts.machine import describe_host, library_versions
from evaluate.facts.scores import CaseScore
from evaluate.ranking import RankSettings, places_of
from evaluate.ranking.stage import labels_ranked_by, scores_to_rank
from evaluate.sandbox import Sandbox
from evaluate.store import RunDirectory

# Findings after which the score of a case is not known for certain.
_UNRESOLVING = (Cause.MASK, Cause.REFERENCE, Cause.JOURNAL, Cause.UNFINISHED, Cause.METRIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunOptions:
    """Which cases are run again, all or a sample, and on which cluster, if on any."""

    sample: int | None = None
    seed: int = 0
    cluster: ClusterAddress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found, each with its cause, and what it says of the run."""

    findings: list[Finding]
    of_run: AuditedRun

    @property
    def passed(self) -> bool:
        """Whether nothing is open."""
        return passes(self.findings) and not any(v.is_open for v in self.of_run.verdicts)

    def document(self, *, audited_at: str) -> AuditDocument:
        """audit.json, with the time of now: UTC, ISO 8601."""
        return AuditDocument(
            audited_at=audited_at,
            passed=self.passed,
            findings=tuple(map(audited, self.findings)),
            **msgspec.structs.asdict(self.of_run),
        )


def examine(
    run: RunDirectory,
    *,
    at_hand: AtHand | None = None,
    sandbox: Sandbox | None = None,
    again: RerunOptions | None = None,
    progress: Progress = silent,
) -> Audit:
    """Check a run directory and write nothing.

    Without a sandbox, images are not looked up and nothing is run again.
    """
    checked = recheck(run, at_hand=at_hand, progress=progress)
    basis, findings, made = checked.basis, list(checked.findings), None
    if sandbox is not None:
        # What only stands in an engine can be replaced unseen; to build or load takes minutes.
        wanted = [
            entry
            for entry in basis.document.submissions
            if again is not None or entry.kind == "reference"
        ]
        with found_submissions(wanted, sandbox, basis.protocol.limits) as submissions:
            findings += [f.finding for f in submissions.values() if f.finding is not None]
            if again is not None:
                made = rerun(
                    *(run, checked, submissions, sandbox),
                    sample=again.sample,
                    seed=again.seed,
                    cluster=again.cluster,
                    progress=progress,
                )
    ran = {team.team: team for team in made.part.teams} if made else {}
    teams = basis.document.teams
    verdicts = [judge_team(team, findings, ran.get(team)) for team in teams]
    of_run = AuditedRun(
        title=basis.protocol.title,
        checked=checked.checked,
        verdicts=tuple(verdicts),
        places=tuple(_places(checked, _unresolved(checked, findings, verdicts, made))),
        evidence=_digests(basis),
        rerun=made.part if made else None,
        notes=made.part.notes if made else (),
        environment=_environment(basis, sandbox, made),
    )
    return Audit(findings=findings, of_run=of_run)


def _unresolved(
    checked: Recheck, findings: Sequence[Finding], verdicts: Sequence[Verdict], made: Rerun | None
) -> dict[tuple[str, str], list[CaseScore]]:
    """By team and case, which results it may be; nothing named means anything at all."""
    teams = [verdict.team for verdict in verdicts]
    cases = [case.id for case in checked.basis.manifest.cases]
    unresolved: dict[tuple[str, str], list[CaseScore]] = {}
    for finding in findings:
        moved_masks = finding.code is Cause.SWAPPED and finding.where.startswith("predictions/")
        if finding.code in _UNRESOLVING or moved_masks:
            for team in finding.teams or teams:
                unresolved |= {(team, case): [] for case in finding.cases or cases}
    recorded = {(row.team, row.case): row for row in checked.scores}
    ran: Mapping[str, TeamAgain] = {team.team: team for team in made.part.teams} if made else {}
    open_kinds = (VerdictKind.DIFFERS, VerdictKind.UNSTABLE, VerdictKind.NOT_RUN)
    for verdict in verdicts:
        if not verdict.is_open or verdict.verdict not in open_kinds:
            continue
        team = verdict.team
        again = {case.case: case for case in ran[team].cases}
        for case in cases:
            if case in again and again[case].is_same and again[case].is_stable:
                continue
            known = [
                row
                for table in (recorded, made.scores if made else {})
                if (row := table.get((team, case))) is not None
            ]
            # A model that is never the same twice may give anything the next time.
            is_known = verdict.verdict is VerdictKind.DIFFERS and case in again and len(known) == 2
            unresolved.setdefault((team, case), known if is_known else [])
    return unresolved


def _places(
    checked: Recheck, unresolved: Mapping[tuple[str, str], list[CaseScore]]
) -> list[PlaceBounds]:
    basis = checked.basis
    if not checked.checked["places"]:
        return []  # there is no ranking of these scores that could stand; a finding says why

    labels = labels_ranked_by(basis.run, basis.protocol)

    def rank(scores: list[CaseScore]) -> dict[str, float]:
        return places_of(scores, basis.protocol, labels=labels)

    names = RankSettings.from_protocol(basis.protocol).columns
    options = basis.document.ranking or RankOptions()
    scores = scores_to_rank(checked.scores, options)
    unresolved = {key: rows for key, rows in unresolved.items() if key[0] not in options.left_out}
    try:
        return bounds_of_places(scores, unresolved, rank, basis.protocol.limits, names)
    except RankingRefusedError:
        return []  # a finding says why already


def _digests(basis: Basis) -> dict[str, str]:
    digests = {
        "manifest": basis.document.manifest.sha256,
        f"protocol {basis.protocol.name} {basis.protocol.version}": basis.protocol.digest(),
    }
    for entry in basis.document.submissions:
        digests[f"image of {entry.team}"] = entry.digest or "no image"
    return digests | (dict(sorted(basis.evidence.files.items())) if basis.evidence else {})


def _environment(basis: Basis, sandbox: Sandbox | None, made: Rerun | None) -> ThenAndNow:
    """The machine, the sandbox and the versions of each stage, and of this audit."""
    stages = basis.evidence.stages if basis.evidence else {}
    ran_on = basis.document.last_machine.sandbox.engine | _load_of(basis.document.load_samples)
    then = {
        name: Environment(
            at=stage.at,
            host=stage.host,
            versions=stage.versions,
            sandbox=ran_on if name == "run" else {},
        )
        for name, stage in sorted(stages.items())
    }
    now: dict[str, object] = {}
    if sandbox is not None:
        now = sandbox.describe() | _load_of(made.part.calibration_s.now if made else [])
    versions = library_versions()
    return ThenAndNow(
        then=then, now=Environment(host=describe_host(), versions=versions, sandbox=now)
    )


def _load_of(samples: Sequence[float]) -> dict[str, object]:
    return {"calibration_load_s": float(np.median(samples))} if samples else {}
