"""A paper's table against the scores of a run: which aggregation each cell is, or that it is none.

For every metric one aggregation is looked for that gives all printed cells, values by modality and
values over all apart; a cell that it does not give is a finding, and named with what would.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluate.auditing.printed import Printed
from evaluate.auditing.published_table import Cell, PublishedTable
from evaluate.auditing.table_findings import TableFinding
from evaluate.facts.errors import Problem, TableError
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore
from metrics import METRICS

__all__ = ["against_scores", "match_teams"]

_ByModality = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """One aggregation: a name, what failures count, and the function."""

    name: str
    failures: str
    of: Callable[[_ByModality], float | None]

    @property
    def words(self) -> str:
        return self.name if not self.failures else f"{self.name}, failures {self.failures}"


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))


def _pooled(values: _ByModality) -> list[float]:
    return [v for of in values.values() for v in of]


_OVERALL: dict[str, Callable[[_ByModality], float]] = {
    "mean of the modalities' means (macro)": lambda v: _mean([_mean(x) for x in v.values()]),
    "mean over cases (micro)": lambda v: _mean(_pooled(v)),
    "median over cases": lambda v: _median(_pooled(v)),
    "mean of the modalities' medians": lambda v: _mean([_median(x) for x in v.values()]),
    "median of the modalities' means": lambda v: _median([_mean(x) for x in v.values()]),
}
_WITHIN: dict[str, Callable[[_ByModality], float]] = {
    "mean over cases": lambda v: _mean(_pooled(v)),
    "median over cases": lambda v: _median(_pooled(v)),
}
_FAILURES = ("", "excluded", "as zero")
"""As the protocol counts them, left out, or zero."""


def match_teams(table: PublishedTable, teams: Sequence[str]) -> dict[str, str]:
    """The run's team for each of the table's, by name without case and punctuation.

    Raises:
        TableError: none is of the run, or two rows are one team.
    """
    known: dict[str, list[str]] = {}
    for team in teams:
        known.setdefault(_plain(team), []).append(team)
    found = {}
    for printed in table.teams:
        same = [printed] if printed in teams else known.get(_plain(printed), [])
        if len(same) == 1:
            found[printed] = same[0]
    if not found:
        raise TableError(
            Problem(
                where=str(table.path),
                found=f"teams {', '.join(table.teams[:5])}",
                expected=f"teams of the run ({', '.join(list(teams)[:5])})",
                mend="give the table's rows the run's names",
            )
        )
    twice = [team for team in found.values() if list(found.values()).count(team) > 1]
    if twice:
        raise TableError(
            Problem(
                where=str(table.path),
                found=f"team {twice[0]} twice",
                expected="a row for each team",
            )
        )
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold()) or name


def against_scores(
    table: PublishedTable,
    scores: Sequence[CaseScore],
    *,
    places: Mapping[str, float] | None = None,
) -> tuple[list[TableFinding], list[str], list[str]]:
    """Findings, what holds, and notes.

    Args:
        table: as it is printed.
        scores: of the run.
        places: the run's, by team; None if they are not known.
    """
    teams = match_teams(table, sorted({score.team for score in scores}))
    findings = [
        TableFinding(
            kind="open",
            where=f"team {name}",
            printed="a row",
            expected="a team of the run; not checked",
        )
        for name in table.teams
        if name not in teams
    ]
    holds: list[str] = []
    notes = []
    left = sorted({s.team for s in scores} - set(teams.values()))
    if left:
        notes.append(f"the run's teams that the table does not have: {', '.join(left)}")
    for metric in dict.fromkeys(c.metric for c in table.cells):
        for is_overall in (False, True):
            cells = [
                c
                for c in table.cells
                if c.metric == metric and (c.modality is None) == is_overall and c.team in teams
            ]
            if cells:
                found, held = _of_metric(cells, metric, teams, scores, is_overall)
                findings += found
                holds += held
    findings += _ranks(table, teams, places)
    if "" in table.ranks and places is not None and not _ranks(table, teams, places):
        holds.append("ranks: those of the run")
    return findings, holds, notes


def _of_metric(
    cells: Sequence[Cell],
    metric: str,
    teams: Mapping[str, str],
    scores: Sequence[CaseScore],
    is_overall: bool,
) -> tuple[list[TableFinding], list[str]]:
    """One aggregation for all cells, or the cells that the best one does not give."""
    best: tuple[int, str, _Way, list[float | None]] | None = None
    tried: list[tuple[_Way, list[float | None]]] = []
    # A table that does not name its metric is read as whichever fits best.
    for name in [metric] if metric else list(METRICS):
        for way in _ways(is_overall):
            values = [_value(cell, name, way, teams, scores) for cell in cells]
            fits = sum(_fits(c.printed, v) for c, v in zip(cells, values, strict=True))
            tried.append((way, values))
            if best is None or fits > best[0]:
                best = fits, name, way, values
    if best is None:
        return [], []
    count, name, way, values = best
    where = "over all" if is_overall else "by modality"
    holds = []
    if count:
        holds.append(f"{name} {where}: {count} of {len(cells)} cells are the {way.words}")
    findings = []
    for i, (cell, value) in enumerate(zip(cells, values, strict=True)):
        if _fits(cell.printed, value):
            continue
        other = next((w for w, v in tried if _fits(cell.printed, v[i])), None)
        expected = "no such value in the run"
        if value is not None:
            expected = f"{cell.printed.as_printed(value)} ({way.words})"
        if other is not None:
            expected += f"; it is the {other.words}, unlike the others"
        findings.append(
            TableFinding(
                kind="score",
                where=f"{cell.where}, {cell.team}",
                printed=cell.printed.text,
                expected=expected,
            )
        )
    return findings, holds


def _ways(is_overall: bool) -> Iterator[_Way]:
    for failures in _FAILURES:
        for name, of in (_OVERALL if is_overall else _WITHIN).items():
            yield _Way(name=name, failures=failures, of=of)


def _value(
    cell: Cell, metric: str, way: _Way, teams: Mapping[str, str], scores: Sequence[CaseScore]
) -> float | None:
    by_modality: dict[str, list[float]] = {}
    for score in scores:
        if score.team != teams[cell.team or ""] or score.outcome is Outcome.HARNESS_ERROR:
            continue
        if cell.modality is not None and score.modality.casefold() != cell.modality.casefold():
            continue
        value = score.value(metric)
        if score.outcome.is_failure and way.failures:
            value = None if way.failures == "excluded" else 0.0
        if value is not None:
            by_modality.setdefault(score.modality, []).append(float(value))
    return way.of(by_modality) if by_modality else None


def _fits(printed: Printed, value: float | None) -> bool:
    if value is None:
        return False
    slack = 1e-12 * max(1.0, abs(value))
    return printed.low - slack <= value <= printed.high + slack


def _ranks(
    table: PublishedTable, teams: Mapping[str, str], places: Mapping[str, float] | None
) -> list[TableFinding]:
    """Places that are not the run's, of those that are printed."""
    if places is None:
        return []
    return [
        TableFinding(
            kind="rank",
            where=f"rank of {name}",
            printed=f"{rank:g}",
            expected=f"{places[teams[name]]:g}, the run's place",
        )
        for name, rank in table.ranks.get("", {}).items()
        if name in teams and teams[name] in places and rank != places[teams[name]]
    ]
