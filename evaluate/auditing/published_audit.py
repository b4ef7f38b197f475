"""`segjudge audit --published`: a paper's table, by itself or against a run."""

from pathlib import Path

from evaluate.auditing.published import TableVerdict, check_alone
from evaluate.auditing.published_scores import against_scores
from evaluate.auditing.published_table import read_published
from evaluate.facts.errors import RankingRefusedError
from evaluate.facts.scores import CaseScore
from evaluate.ranking.stage import RankOptions, rank_result
from evaluate.store import RunDirectory

__all__ = ["audit_table"]


def audit_table(path: Path, root: Path | None = None) -> TableVerdict:
    """Check a table; with a run directory, against its scores and places too."""
    table = read_published(path)
    verdict = check_alone(table)
    if root is None:
        return verdict
    run = RunDirectory.open(root)
    scores = run.read_rows(CaseScore)
    places, notes = None, []
    if "" in table.ranks:
        try:
            result = rank_result(run, RankOptions(bootstrap=0))
            places = {row.team: float(row.rank) for row in result.rows}
        except RankingRefusedError as error:
            notes.append(f"ranks: not compared with the run's: {error}")
    found, holds, more = against_scores(table, scores, places=places)
    return TableVerdict(
        findings=(*verdict.findings, *found),
        holds=(*verdict.holds, *holds),
        notes=(*verdict.notes, *notes, *more),
    )
