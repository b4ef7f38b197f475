"""The ranking beside the scores that are believed."""

from collections.abc import Sequence

import msgspec

from data_manifest.findings import Finding
from data_manifest.manifest import sha256_of
from evaluate.auditing.rechecking.basis import Basis, made_again
from evaluate.auditing.table_cells import read_cells
from evaluate.auditing.tracing import trace_document, trace_table
from evaluate.documents.audit import Cause
from evaluate.documents.ranking import ranking_as_it_stands
from evaluate.documents.run_parts import RankOptions
from evaluate.facts.errors import RankingRefusedError, TableError
from evaluate.facts.scores import CaseScore
from evaluate.ranking.stage import rank_result

_MAY_DIFFER = frozenset({"settings.versions"})


def trace_places(basis: Basis, believed: list[CaseScore]) -> tuple[list[Finding], int]:
    """Compare ranking.csv and ranking.json with what the scores give.

    Returns:
        Findings, and how many places were looked at.
    """
    root = basis.run.root
    options = basis.document.ranking or RankOptions()
    if options.seed is None:
        options = msgspec.structs.replace(options, seed=basis.document.seed)
    try:
        result = rank_result(basis.run, options, scores=believed, protocol=basis.protocol)
    except RankingRefusedError as error:
        refused = Finding(
            code=Cause.UNFINISHED, where="ranking", expected="places", found=str(error.problems[0])
        )
        return [refused], 0
    environment = basis.environment("rank")
    source = _source(basis)
    findings, _ = trace_table(
        read_cells(root / "ranking.csv"),
        made_again("ranking.csv", result.rows, type(result.rows[0])),
        intact=basis.intact("ranking.csv"),
        environment=environment,
        source=source,
    )
    try:
        recorded = ranking_as_it_stands(root / "ranking.json")
    except TableError as error:
        recorded = error.problems[0].found
    findings += trace_document(
        "ranking.json",
        recorded,
        result.to_json(),
        intact=basis.intact("ranking.json"),
        teams=sorted({row.team for row in result.rows}),
        environment=environment,
        source=source,
        ignored=_MAY_DIFFER,
    )
    return findings, len(result.rows)


def _source(basis: Basis) -> Cause:
    """Why an intact ranking may differ: it was made from edited scores, or by edited rules."""
    if basis.evidence is None:
        return Cause.TABLE
    ranked = basis.evidence.stages.get("rank")
    if ranked and ranked.protocol != basis.evidence.protocol:
        return Cause.PROTOCOL
    written = basis.evidence.files.get(basis.run.table_path(CaseScore).name)
    return Cause.TABLE if written == basis.document.ranked_from else Cause.STALE


def is_stale_ranking(basis: Basis) -> bool:
    """Whether the scores, as scoring wrote them, are others than those that were ranked."""
    scores = basis.run.table_path(CaseScore)
    return bool(basis.intact(scores.name) and basis.document.ranked_from != sha256_of(scores))


def stale_stages(basis: Basis, told: Sequence[Finding]) -> list[Finding]:
    """Stages that were not done again after what they rest on was."""
    findings = []
    explained = any(f.code in (Cause.JOURNAL, Cause.STALE) or "runs.csv" in f.where for f in told)
    if basis.is_another_journal and not explained:
        findings.append(_stale("the scores", "the runs", "score"))
    if is_stale_ranking(basis):
        findings.append(_stale("the ranking", "the scores", "rank"))
    return findings


def _stale(what: str, source: str, stage: str) -> Finding:
    return Finding(
        code=Cause.STALE,
        where=what,
        expected=f"made from {source} as they are now",
        found="made before they were",
        mend=f"`segjudge {stage}` makes {what} again",
    )
