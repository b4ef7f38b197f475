"""The tables of scores beside the masks and references that are there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from data_manifest.findings import Cell, Finding
from data_manifest.progress import Progress
from evaluate.auditing.file_digests import AlteredFile, as_found
from evaluate.auditing.rechecking.basis import Basis, Pair, made_again
from evaluate.auditing.table_cells import compare_tables, read_cells
from evaluate.auditing.tracing import trace_table
from evaluate.documents.audit import Cause
from evaluate.facts.errors import TableError
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore, LabelScore, ModalityScore
from evaluate.scoring import modality_scores, score_jobs
from evaluate.scoring.in_rounds import in_rounds
from evaluate.scoring.mask_sources import jobs_of_run
from evaluate.scoring.score_tables import Scores, tables_of

_RULES = ("scoring", "output")


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedScores:
    """What the tables of scores have shown.

    What follows are the cells that differ because a file was altered, by team and case.
    """

    believed: list[CaseScore]
    findings: list[Finding]
    follows: dict[Pair, list[Cell]]
    scored: int


def trace_scores(
    basis: Basis,
    altered: Sequence[AlteredFile],
    edited_runs: set[Pair],
    *,
    source: Cause,
    progress: Progress,
) -> TracedScores:
    """Compare the tables of scores with what the files give."""
    explained = _explained(basis, altered) | edited_runs
    environment = basis.environment("score")
    scored = 0
    findings: list[Finding] = []
    if basis.at_hand.references:
        scores = _score(basis, altered, basis.protocol, progress)
        scored = len(scores.cases)
    else:
        scores, findings = _recorded(basis)
    failed = {(c.team, c.case) for c in scores.cases if c.outcome.is_failure}
    follows: dict[Pair, list[Cell]] = {}
    for rows, kind in ((scores.labels, LabelScore), (scores.cases, CaseScore)):
        recorded = read_cells(basis.run.table_path(kind))
        more, cells = trace_table(
            recorded,
            made_again(recorded.name, rows, kind),
            intact=basis.intact(recorded.name),
            explained=explained,
            failed=failed,
            environment=environment,
            source=source,
        )
        # Told already, where only the bytes can be looked at.
        findings += [f for f in more if basis.at_hand.references or f.is_problem]
        for pair, more_cells in cells.items():
            follows.setdefault(pair, []).extend(more_cells)
    believed = _believed(basis, scores, explained)
    table = read_cells(basis.run.table_path(ModalityScore))
    more, _ = trace_table(
        table,
        made_again(table.name, modality_scores(believed), ModalityScore),
        intact=basis.intact(table.name),
        environment=environment,
    )
    return TracedScores(believed=believed, findings=findings + more, follows=follows, scored=scored)


def _score(
    basis: Basis, altered: Sequence[AlteredFile], protocol: Rules, progress: Progress
) -> Scores:
    """Scores of the files that are there, altered or not."""
    journal, manifest = as_found(altered, basis.journal, basis.manifest)
    jobs = jobs_of_run(
        basis.run,
        journal,
        manifest=manifest,
        data_root=basis.data_root,
        teams=basis.teams,
        rules=basis.document.rules_of("run"),
        with_prompts=protocol.scoring.needs_prompts,
    )
    workers = basis.at_hand.workers
    results = score_jobs(jobs, protocol, workers=workers, progress=progress)
    return tables_of(list(in_rounds(results, protocol)), protocol.scoring)


def _recorded(basis: Basis) -> tuple[Scores, list[Finding]]:
    """Without references: the recorded scores, and whether their tables were edited."""
    run = basis.run
    findings = [
        Finding(
            code=Cause.TABLE,
            where=run.table_path(kind).name,
            expected="the table that scoring wrote",
            found="other bytes; which cells, only the references can tell",
        )
        for kind in (LabelScore, CaseScore)
        if not basis.intact(run.table_path(kind).name)
    ]
    try:
        labels, cases = run.read_rows(LabelScore), run.read_rows(CaseScore)
    except TableError:
        labels, cases = [], []  # told above: such bytes no stage has written
    return Scores(
        cases=cases, rounds=[], labels=labels, lesions=[], modalities=[], cohort=[]
    ), findings


def _explained(basis: Basis, altered: Sequence[AlteredFile]) -> set[Pair]:
    """Teams and cases whose scores an altered file, or a missing run, changes."""
    missing = {
        (team, case.id)
        for team in basis.teams
        for case in basis.manifest.cases
        if (team, case.id, basis.protocol.rounds.last) not in basis.journal
    }
    files = {
        (team, file.case)
        for file in altered
        if file.cause in (Cause.MASK, Cause.REFERENCE)
        for team in ([file.team] if file.team else basis.teams)
    }
    return missing | files


def _believed(basis: Basis, scores: Scores, explained: set[Pair]) -> list[CaseScore]:
    """Recorded rows where the table is intact or their files are not; the others made again."""
    try:
        recorded = {(row.team, row.case): row for row in basis.run.read_rows(CaseScore)}
    except TableError:
        return scores.cases
    if basis.intact(basis.run.table_path(CaseScore).name):
        return list(recorded.values())
    now = {(row.team, row.case): row for row in scores.cases}
    for pair in explained & recorded.keys():
        now[pair] = recorded[pair]
    return [now[pair] for pair in sorted(now)]


def with_effects_of_protocol(
    findings: Sequence[Finding], basis: Basis, altered: Sequence[AlteredFile], progress: Progress
) -> list[Finding]:
    """The findings; an edited rule with the scores that it would change."""
    told = list(findings)
    key = basis.edited.rules_key_of("score")
    changed = [
        index
        for index, f in enumerate(told)
        if f.where.startswith(tuple(f"run.json, rules.{key}.{part}" for part in _RULES))
    ]
    if not changed or not basis.at_hand.references:
        return told
    edited = basis.edited.rules_of("score")
    if edited.digest(*_RULES) == basis.protocol.digest(*_RULES):
        return told
    rows = _score(basis, altered, edited, progress).cases
    recorded = read_cells(basis.run.table_path(CaseScore))
    again = made_again(recorded.name, rows, CaseScore)
    cells = tuple(cell for row in compare_tables(recorded, again) for cell in row.cells)
    told[changed[0]] = replace(told[changed[0]], cells=cells)
    return told
