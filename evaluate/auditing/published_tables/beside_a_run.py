"""A paper's table against a run: which aggregation of its scores each cell is, or that it is none.

For every metric one aggregation is looked for that gives all printed cells, values by modality and
values over all apart; a cell that it does not give is a finding, and named with what would.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from data_manifest.findings import Finding
from evaluate.auditing.published_tables.by_itself import TableVerdict
from evaluate.auditing.published_tables.printed_table import MEAN_RANK, PrintedCell, PublishedTable
from evaluate.facts.errors import TableError
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore

__all__ = ["against_scores"]

_WAYS: dict[str, Callable[[Sequence[Sequence[float]]], float]] = {
    "mean of the modalities' means (macro)": lambda v: float(np.mean([np.mean(x) for x in v])),
    "mean over cases (micro)": lambda v: float(np.mean(np.concatenate(v))),
    "median over cases": lambda v: float(np.median(np.concatenate(v))),
}
_OF_ONE = {n.removesuffix(" (micro)"): call for n, call in _WAYS.items() if "macro" not in n}
_FAILURES = ("", ", failures excluded", ", failures as zero")
"""As the protocol counts them, left out, or zero."""


def against_scores(
    table: PublishedTable, scores: Sequence[CaseScore], places: Mapping[str, float]
) -> TableVerdict:
    """Hold a table against a run's scores, and its places by team if they are known.

    Raises:
        TableError: no team of the table is of the run, or two rows are one team.
    """
    teams = _match_teams(table, sorted({score.team for score in scores}))
    findings = [
        Finding(code="open", where=f"team {name}", found="a row", expected="a team of the run")
        for name in table.teams
        if name not in teams
    ]
    holds: list[str] = []
    groups: dict[tuple[str, str], list[PrintedCell]] = {}
    for cell in table.cells:
        if cell.team in teams and cell.metric != MEAN_RANK:
            where = "by modality" if cell.modality else "over all"
            groups.setdefault((cell.metric, where), []).append(cell)
    for (metric, where), cells in sorted(groups.items()):
        ways = _WAYS if where == "over all" else _OF_ONE
        mine = [(c, [s for s in scores if s.team == teams[c.team]]) for c in cells]
        tried = {
            f"{way}{failures}": [_value(cell, own, call, failures) for cell, own in mine]
            for failures in _FAILURES
            for way, call in ways.items()
        }
        more, count, best = _best(cells, tried)
        findings += more
        if count:
            holds.append(f"{metric} {where}: {count} of {len(cells)} cells are the {best}")
    ranks = {n: r for n, r in table.ranks.items() if teams.get(n) in places}
    findings += [
        Finding(code="rank", where=f"rank of {n}", found=f"{r:g}", expected=f"{place:g}, the run's")
        for n, r in ranks.items()
        if r != (place := places[teams[n]])
    ]
    if ranks and all(r == places[teams[n]] for n, r in ranks.items()):
        holds.append("ranks: those of the run")
    left = sorted({s.team for s in scores} - set(teams.values()))
    checked = (["the run's scores"] if groups else []) + (["the run's places"] if ranks else [])
    return TableVerdict(
        findings=tuple(findings),
        checked=tuple(checked),
        holds=tuple(holds),
        notes=(f"the run's teams that the table does not have: {', '.join(left)}",) if left else (),
    )


def _match_teams(table: PublishedTable, teams: Sequence[str]) -> dict[str, str]:
    """The run's team for each of the table's, by name without case and punctuation."""
    matches = {}
    for printed in table.teams:
        alike = [printed] if printed in teams else []
        alike = alike or [team for team in teams if _plain(team) == _plain(printed)]
        if len(alike) == 1:
            matches[printed] = alike[0]
    twice = [team for team in matches.values() if list(matches.values()).count(team) > 1]
    if twice or not matches:
        found = f"team {twice[0]} twice" if twice else f"teams {', '.join(table.teams[:5])}"
        expected = f"a row for each team, teams of the run ({', '.join(teams[:5])})"
        mend = "give the table's rows the run's names"
        raise TableError(Finding(where=str(table.path), found=found, expected=expected, mend=mend))
    return matches


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold()) or name


def _best(
    cells: Sequence[PrintedCell], tried: Mapping[str, Sequence[float | None]]
) -> tuple[list[Finding], int, str]:
    """The cells that the best aggregation does not give, how many it gives, and its name."""
    fits = {
        way: [v is not None and c.holds(v, v) for c, v in zip(cells, values, strict=True)]
        for way, values in tried.items()
    }
    best = max(fits, key=lambda way: sum(fits[way]))
    findings = []
    for i, cell in enumerate(cells):
        if fits[best][i]:
            continue
        value = tried[best][i]
        said = "no such value in the run"
        if value is not None:
            said = f"{cell.as_printed(value)} ({best})"
        said += next((f"; it is the {w}, unlike the others" for w in fits if fits[w][i]), "")
        where = f"{cell.where}, {cell.team}"
        findings.append(Finding(code="score", where=where, found=cell.text, expected=said))
    return findings, sum(fits[best]), best


def _value(
    cell: PrintedCell,
    scores: Sequence[CaseScore],
    call: Callable[[Sequence[Sequence[float]]], float],
    failures: str,
) -> float | None:
    values: dict[str, list[float]] = {}
    for score in scores:
        if score.outcome is Outcome.HARNESS_ERROR or (
            cell.modality and score.modality.casefold() != cell.modality.casefold()
        ):
            continue
        value = score.value(cell.metric)
        if score.outcome.is_failure and failures:
            value = None if failures == _FAILURES[1] else 0.0
        if value is not None:
            values.setdefault(score.modality, []).append(float(value))
    return call(list(values.values())) if values else None
