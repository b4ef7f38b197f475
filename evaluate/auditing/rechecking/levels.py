"""The levels in their order: files, runs, scores, places."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from data_manifest.findings import Cell, Finding
from data_manifest.progress import Progress, silent
from evaluate.auditing.file_digests import altered_data, altered_results, file_findings
from evaluate.auditing.rechecking.basis import AtHand, Basis, Pair, read_basis
from evaluate.auditing.rechecking.places_again import is_stale_ranking, stale_stages, trace_places
from evaluate.auditing.rechecking.runs_again import in_doubt, trace_runs
from evaluate.auditing.rechecking.scores_again import trace_scores, with_effects_of_protocol
from evaluate.auditing.tracing import merged
from evaluate.documents.audit import Cause
from evaluate.facts.scores import CaseScore
from evaluate.store import RunDirectory


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
