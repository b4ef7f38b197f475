"""A paper's table against the scores of a run: which aggregation each cell is, or that it is none.

For every metric one aggregation is looked for that gives all printed cells, values by modality and
values over all apart; a cell that it does not give is a finding, and named with what would.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from data_manifest.findings import Finding
from evaluate.auditing.published_tables.by_itself import TableVerdict
from evaluate.auditing.published_tables.printed_table import MEAN_RANK, PrintedCell, PublishedTable
from evaluate.facts.errors import TableError
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore
from metrics import METRICS

__all__ = ["against_scores"]

_ByModality: TypeAlias = Mapping[str, Sequence[float]]
_Way: TypeAlias = tuple[str, str]
"""What failures count, and the name of an aggregation."""

_AGGREGATIONS: dict[str, Callable[[_ByModality], float]] = {
    "mean of the modalities' means (macro)": lambda v: float(
        np.mean([np.mean(x) for x in v.values()])
    ),
    "mean over cases (micro)": lambda v: float(np.mean(np.concatenate(list(v.values())))),
    "median over cases": lambda v: float(np.median(np.concatenate(list(v.values())))),
}
_FAILURES = ("", ", failures excluded", ", failures as zero")
"""As the protocol counts them, left out, or zero."""


def against_scores(
    table: PublishedTable, scores: Sequence[CaseScore], places: Mapping[str, float] | None
) -> TableVerdict:
    """Hold a table against a run.

    Args:
        table: as it is printed.
        scores: of the run.
        places: the run's, by team; None if they are not known.

    Raises:
        TableError: no team of the table is of the run, or two rows are one team.
    """
    teams = _match_teams(table, sorted({score.team for score in scores}))
    findings = [
        Finding(code="open", where=f"team {name}", found="a row", expected="a team of the run")
        for name in table.teams
        if name not in teams
    ]
    holds, notes = [], []
    left = sorted({s.team for s in scores} - set(teams.values()))
    if left:
        notes.append(f"the run's teams that the table does not have: {', '.join(left)}")
    for metric in dict.fromkeys(c.metric for c in table.cells if c.metric != MEAN_RANK):
        for where in ("by modality", "over all"):
            cells = [
                c
                for c in table.cells
                if (c.metric, c.modality is None) == (metric, where == "over all")
                and c.team in teams
            ]
            if cells:
                more, held = _of_metric(cells, metric, where, teams, scores)
                findings += more
                holds += held
    wrong = [
        Finding(
            code="rank",
            where=f"rank of {name}",
            found=f"{rank:g}",
            expected=f"{places[teams[name]]:g}, the run's place",
        )
        for name, rank in table.ranks.get("", {}).items()
        if places and name in teams and rank != places.get(teams[name], rank)
    ]
    if places and table.ranks.get("") and not wrong:
        holds.append("ranks: those of the run")
    return TableVerdict(
        findings=(*findings, *wrong),
        checked=("the run's scores", *(["the run's places"] if places else [])),
        holds=tuple(holds),
        notes=tuple(notes),
    )


def _match_teams(table: PublishedTable, teams: Sequence[str]) -> dict[str, str]:
    """The run's team for each of the table's, by name without case and punctuation."""
    known: dict[str, list[str]] = {}
    for team in teams:
        known.setdefault(_plain(team), []).append(team)
    matches = {}
    for printed in table.teams:
        same = [printed] if printed in teams else known.get(_plain(printed), [])
        if len(same) == 1:
            matches[printed] = same[0]
    twice = [team for team in matches.values() if list(matches.values()).count(team) > 1]
    if twice or not matches:
        raise TableError(
            Finding(
                where=str(table.path),
                found=f"team {twice[0]} twice" if twice else f"teams {', '.join(table.teams[:5])}",
                expected=f"a row for each team, teams of the run ({', '.join(teams[:5])})",
                mend="give the table's rows the run's names",
            )
        )
    return matches


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold()) or name


def _of_metric(
    cells: Sequence[PrintedCell],
    metric: str,
    where: str,
    teams: Mapping[str, str],
    scores: Sequence[CaseScore],
) -> tuple[list[Finding], list[str]]:
    """One aggregation for all cells, or the cells that the best one does not give."""
    # A table that does not name its metric is read as whichever fits best.
    tried = {
        (name, way): [_value(cell, name, way, teams, scores) for cell in cells]
        for name in ([metric] if metric else METRICS)
        for way in _ways(where)
    }

    def fitting(values: Sequence[float | None]) -> int:
        return sum(
            v is not None and c.printed.holds(v, v) for c, v in zip(cells, values, strict=True)
        )

    best = max(tried, key=lambda key: fitting(tried[key]))
    words, count = best[1][1] + best[1][0], fitting(tried[best])
    said = f"{best[0]} {where}: {count} of {len(cells)} cells are the {words}"
    findings = []
    for i, (cell, value) in enumerate(zip(cells, tried[best], strict=True)):
        if value is not None and cell.printed.holds(value, value):
            continue
        expected = "no such value in the run"
        if value is not None:
            expected = f"{cell.printed.as_printed(value)} ({words})"
        for (_, way), values in tried.items():
            other = values[i]
            if other is not None and cell.printed.holds(other, other):
                expected += f"; it is the {way[1]}{way[0]}, unlike the others"
                break
        findings.append(
            Finding(
                code="score",
                where=f"{cell.where}, {cell.team}",
                found=cell.printed.text,
                expected=expected,
            )
        )
    return findings, [said] if count else []


def _ways(where: str) -> Iterator[_Way]:
    for failures in _FAILURES:
        for name in _AGGREGATIONS:
            if where == "over all" or name == "median over cases":
                yield failures, name
            elif name == "mean over cases (micro)":
                yield failures, "mean over cases"


def _value(
    cell: PrintedCell, metric: str, way: _Way, teams: Mapping[str, str], scores: Sequence[CaseScore]
) -> float | None:
    by_modality: dict[str, list[float]] = {}
    for score in scores:
        if score.team != teams[cell.team or ""] or score.outcome is Outcome.HARNESS_ERROR:
            continue
        if cell.modality is not None and score.modality.casefold() != cell.modality.casefold():
            continue
        value = score.value(metric)
        if score.outcome.is_failure and way[0]:
            value = None if way[0] == _FAILURES[1] else 0.0
        if value is not None:
            by_modality.setdefault(score.modality, []).append(float(value))
    name = "mean over cases (micro)" if way[1] == "mean over cases" else way[1]
    return _AGGREGATIONS[name](by_modality) if by_modality else None
