"""A paper's table, by itself or against a run."""

from pathlib import Path

import msgspec

from evaluate.auditing.published_tables.beside_a_run import against_scores
from evaluate.auditing.published_tables.by_itself import TableVerdict, check_alone, note
from evaluate.auditing.published_tables.printed_table import read_published
from evaluate.facts.errors import RankingRefusedError
from evaluate.facts.scores import CaseScore
from evaluate.ranking.stage import RankOptions, rank_result
from evaluate.store import RunDirectory

__all__ = ["TableVerdict", "audit_table", "check_alone", "read_published"]


def audit_table(path: Path, root: Path | None = None) -> TableVerdict:
    """Check a table; with a run directory, against its scores and places too."""
    table = read_published(path)
    alone = check_alone(table)
    if root is None:
        return alone
    run, places, told = RunDirectory.open(root), {}, list(alone.told)
    if table.ranks:
        try:
            options = run.document().ranking or RankOptions()
            made = rank_result(run, msgspec.structs.replace(options, bootstrap=0))
            places = {row.team: float(row.rank) for row in made.rows}
        except RankingRefusedError as error:
            told.append(note(f"ranks: not compared with the run's: {error}"))
    told += against_scores(table, run.read_rows(CaseScore), places)
    there = {"the run's scores": table.cells, "the run's places": places}
    checked = (*alone.checked, *(name for name in there if there[name]))
    return TableVerdict(checked=checked, told=tuple(told))
