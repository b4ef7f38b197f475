"""The scores as arrays: teams by cases, complete and checked, or no ranking at all."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evaluate.facts.errors import Problem, RankingRefusedError
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore
from evaluate.ranking.settings import RankedColumn

__all__ = ["ALL", "Bools", "Column", "Floats", "ScoreTable", "column", "table_of"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ALL = "ALL"
"""Stands for all cases pooled, whatever their modality."""

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """Every team's result in every case.

    Attributes:
        teams: sorted names.
        cases: identifiers, sorted by modality, then name, so that a modality is a slice.
        modalities: each modality's slice of the cases, by name, sorted.
        outcomes: by team, then case.
        failed: which cases a team failed, (teams, cases).
        values: by metric, (teams, cases), nan where the table has no value.
    """

    teams: tuple[str, ...]
    cases: tuple[str, ...]
    modalities: Mapping[str, slice]
    outcomes: tuple[tuple[Outcome, ...], ...]
    failed: Bools
    values: Mapping[str, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One metric of a table, ready to be ranked.

    Attributes:
        name, higher_is_better, weight: of the metric.
        values: (teams, cases); a failed case has the failure's value; nan outside `usable`.
        failed: (teams, cases).
        usable: (cases,); False where some team that did not fail has no value: such a case is
            left out for all teams, so that all are compared over the same cases.
    """

    name: str
    higher_is_better: bool
    weight: float
    values: Floats
    failed: Bools
    usable: Bools

    def within(self, where: slice) -> "Column":
        """The same metric over a slice of the cases."""
        return replace(
            self,
            values=self.values[:, where],
            failed=self.failed[:, where],
            usable=self.usable[where],
        )


def table_of(scores: Sequence[CaseScore], metrics: Sequence[str]) -> ScoreTable:
    """Put case scores into arrays.

    Args:
        scores: one row for each team and case, in any order.
        metrics: the columns to keep.

    Raises:
        RankingRefusedError: there is no row, a combination of team and case is missing, twice
            there or unscored by an error of the harness, a case is in two modalities, or a value
            is not finite. All problems are named in one go.
    """
    if not scores:
        raise RankingRefusedError(
            Problem(
                where="case scores",
                found="no row",
                expected="a row for each team and case",
                mend="run and score first: `segjudge run`, `segjudge score`",
            )
        )
    rows = {(score.team, score.case): score for score in scores}
    teams = tuple(sorted({score.team for score in scores}))
    modality_of = {score.case: score.modality for score in scores}
    cases = tuple(sorted(modality_of, key=lambda case: (modality_of[case], case)))
    problems = _problems(scores, rows, teams, modality_of, metrics)
    if problems:
        raise RankingRefusedError(*problems)
    names = [modality_of[case] for case in cases]
    outcomes = tuple(tuple(rows[team, case].outcome for case in cases) for team in teams)
    return ScoreTable(
        teams=teams,
        cases=cases,
        modalities={
            name: slice(names.index(name), names.index(name) + names.count(name))
            for name in sorted(set(names))
        },
        outcomes=outcomes,
        failed=np.array([[o.is_failure for o in row] for row in outcomes], dtype=np.bool_),
        values={
            metric: np.array(
                [[_number(getattr(rows[team, case], metric)) for case in cases] for team in teams],
                dtype=np.float64,
            )
            for metric in metrics
        },
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _problems(
    scores: Sequence[CaseScore],
    rows: Mapping[tuple[str, str], CaseScore],
    teams: Sequence[str],
    modality_of: Mapping[str, str],
    metrics: Sequence[str],
) -> list[Problem]:
    run_again = "`segjudge run` again (it resumes), then `segjudge score`"
    once = "every combination of team and case once, and each case in one modality"
    rows_of = Counter((score.team, score.case) for score in scores)
    found = [
        (
            "unscored by an error of the harness",
            [key for key, row in rows.items() if row.outcome is Outcome.HARNESS_ERROR],
            run_again,
        ),
        (
            "missing",
            [(team, case) for team in teams for case in modality_of if (team, case) not in rows],
            run_again,
        ),
        (
            "in the table more than once",
            [key for key, n in rows_of.items() if n > 1],
            "leave one row of each",
        ),
        (
            "in another modality than for another team",
            [key for key, row in rows.items() if row.modality != modality_of[key[1]]],
            "give each case one modality",
        ),
        (
            f"in a modality called {ALL}, which stands for all of them",
            [key for key, row in rows.items() if row.modality == ALL],
            "give the modality another name",
        ),
        (
            "with a value that is not finite",
            [
                key
                for key, row in rows.items()
                if not all(math.isfinite(getattr(row, m) or 0.0) for m in metrics)
            ],
            "leave a cell empty where there is no value",
        ),
    ]
    return [
        Problem(where="case scores", found=f"{_listed(keys)} {what}", expected=once, mend=mend)
        for what, keys, mend in found
        if keys
    ]


def _listed(keys: Sequence[tuple[str, str]]) -> str:
    named = [f"team {team} case {case}" for team, case in sorted(set(keys))]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more


def column(table: ScoreTable, metric: RankedColumn) -> Column:
    """One metric with its failures' values put in.

    A failed case counts the declared failure value, whatever the table says (a crash is quick, and
    would win by its time); without a declared one, the worst value in the table.

    Raises:
        RankingRefusedError: no case has a value for every team that did not fail.
    """
    recorded, failed = table.values[metric.name], table.failed
    higher = metric.direction == "higher"
    clipped = recorded
    if metric.tolerance is not None:
        limit = np.minimum if higher else np.maximum
        clipped = limit(recorded, metric.tolerance)
    usable: Bools = np.all(~np.isnan(recorded) | failed, axis=0)
    rankable = usable & ~failed.all(axis=0)
    if not rankable.any() and not (failed.all() and _has_value(recorded, metric)):
        raise RankingRefusedError(_nothing_to_rank(table, metric.name))
    cost = np.where(failed, _failure_values(recorded, metric), clipped)
    return Column(
        name=metric.name,
        higher_is_better=higher,
        weight=metric.weight,
        values=np.where(usable, cost, np.nan),
        failed=failed,
        usable=usable,
    )


def _has_value(recorded: Floats, metric: RankedColumn) -> bool:
    return metric.failure_value is not None or not bool(np.isnan(recorded).all())


def _failure_values(recorded: Floats, metric: RankedColumn) -> float:
    if metric.failure_value is not None:
        return metric.failure_value
    known = recorded[~np.isnan(recorded)]
    worst = known.min if metric.direction == "higher" else known.max
    return float(worst()) if known.size else float("nan")


def _nothing_to_rank(table: ScoreTable, metric: str) -> Problem:
    known = int((~np.isnan(table.values[metric])).sum())
    cells = len(table.teams) * len(table.cases)
    return Problem(
        where=f"case scores, column {metric}",
        found=f"{known} values in {cells} rows, and no case with one for every team",
        expected=f"values, because the ranking uses {metric}",
        mend=(
            "times and memory are known only after `segjudge run`; to rank a table without them, "
            "name the metrics to rank by"
        ),
    )
