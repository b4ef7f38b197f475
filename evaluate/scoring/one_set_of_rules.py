"""Attempts that are scored together were made under one set of rules, and are scored by it."""

from collections.abc import Iterable
from contextlib import suppress

from evaluate.documents.run import RunDocument
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Finding, RunDirectoryError, TableError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rule_differences import differing_keys
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore
from evaluate.store import RunDirectory


def check_rules(
    document: RunDocument, attempts: Iterable[Attempt], rules: Rules, *, where: str
) -> None:
    """Refuse a mixture, and rules that say of the containers what was not so.

    Raises:
        RunDirectoryError: a team ran under other rules than another, or than these.
    """
    teams: dict[str, set[str]] = {}
    for attempt in attempts:
        teams.setdefault(attempt.rules_sha256, set()).add(attempt.team)
    if not teams or teams.keys() == {rules.run_sha256}:
        return
    first, *others = sorted(teams, key=lambda sha: (sha != rules.run_sha256, sorted(teams[sha])))
    base = document.rules_of_attempts(first)
    if not others:
        problem = Finding(
            where=f"{where}: protocol {rules.name}",
            found=f"other rules than {_listed(teams[first])} ran under: {_keys(base, rules)}",
            expected="rules that differ in scoring, failures and ranking alone",
            mend="change only those, or `segjudge run` again under this protocol",
        )
    else:
        differences = "; ".join(
            f"{_listed(teams[first])} and {_listed(teams[sha])} differ in"
            f" {_keys(base, document.rules_of_attempts(sha))}"
            for sha in others
        )
        problem = Finding(
            where=where,
            found=f"teams that ran under different rules: {differences}",
            expected="one set of rules for all that are ranked together",
            mend="give `segjudge run` one protocol and every submission: only the cases that ran"
            " under another are run again",
        )
    raise RunDirectoryError(problem)


def _listed(teams: set[str]) -> str:
    return ", ".join(sorted(teams))


def _keys(first: Rules | None, second: Rules | None) -> str:
    """The keys that differ, with both values."""
    if first is None or second is None:
        return "rules that run.json does not hold"
    return ", ".join(differing_keys(first, second))


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
