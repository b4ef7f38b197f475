"""Results that a run's tables have and its ledger lacks: scores must never go without a word."""

from collections.abc import Iterable
from contextlib import suppress

from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import RunDirectoryError, TableError
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore
from evaluate.store import RunDirectory

_SHOWN = 3


def refuse_lost_results(run: RunDirectory, attempts: Iterable[Attempt]) -> None:
    """The tables are made from the ledger, which only ever grows; here it has shrunk.

    Raises:
        RunDirectoryError: an earlier command has put results into a table that are gone now.
    """
    kept = {(attempt.team, attempt.case) for attempt in attempts}
    told = set[tuple[str, str]]()
    with suppress(TableError):  # not there yet, or damaged: it is made anew
        told |= _results(run.read_rows(Attempt))
    with suppress(TableError):
        told |= _results(run.read_rows(CaseScore))
    lost = sorted(told - kept)
    if not lost:
        return
    shown = ", ".join(f"{team} {case}" for team, case in lost[:_SHOWN])
    more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    raise RunDirectoryError(
        where=str(run.ledger_path),
        found=f"no result of {shown}{more}, which runs.csv or case_scores.csv has",
        expected="the ledger that `segjudge run` wrote",
        mend="put back a copy, or give `segjudge run` again: what has no result is run again",
    )


def _results(rows: Iterable[Attempt | CaseScore]) -> set[tuple[str, str]]:
    return {(row.team, row.case) for row in rows if row.outcome is not Outcome.HARNESS_ERROR}
