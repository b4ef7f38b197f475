"""A paper's table, by itself or against a run."""

from pathlib import Path

from evaluate.auditing.published_tables.beside_a_run import against_scores
from evaluate.auditing.published_tables.by_itself import TableVerdict, check_alone
from evaluate.auditing.published_tables.printed_table import read_published
from evaluate.facts.errors import RankingRefusedError
from evaluate.facts.scores import CaseScore
from evaluate.ranking.stage import RankOptions, rank_result
from evaluate.store import RunDirectory

__all__ = ["TableVerdict", "audit_table", "check_alone", "read_published"]


def audit_table(path: Path, root: Path | None = None) -> TableVerdict:
    """Check a table; with a run directory, against its scores and places too."""
    table = read_published(path)
    verdict = check_alone(table)
    if root is None:
        return verdict
    run, places = RunDirectory.open(root), {}
    if table.ranks:
        try:
            places = {
                r.team: float(r.rank) for r in rank_result(run, RankOptions(bootstrap=0)).rows
            }
        except RankingRefusedError as error:
            verdict += TableVerdict(notes=(f"ranks: not compared with the run's: {error}",))
    return verdict + against_scores(table, run.read_rows(CaseScore), places)
