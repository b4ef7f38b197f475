"""The scores as arrays: teams by cases, complete and checked, or no ranking at all."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from evaluate.facts.aggregates import SumRatio
from evaluate.facts.errors import Finding, RankingRefusedError, listed
from evaluate.facts.outcome import Outcome
from evaluate.facts.ranking_rules import RankedStatistic
from evaluate.facts.scores import CaseScore
from evaluate.ranking.settings import RankedColumn

Floats = npt.NDArray[np.float64]
Missing = Literal["undefined", "failure"]
Bools = npt.NDArray[np.bool_]

ALL = "ALL"
"""Stands for all cases pooled, whatever their modality."""


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
        priced: whether the values of failed cases are what a failure costs, as scoring makes them;
            of another tool's table nobody knows.
        missing: what an empty cell of a team is that did not fail, where others have a value:
            `undefined`, so that the case is left out for all, or a `failure` of that team.
        groups: what each case shares with others, such as its patient; empty for nothing.
    """

    teams: tuple[str, ...]
    cases: tuple[str, ...]
    modalities: Mapping[str, slice]
    outcomes: tuple[tuple[Outcome, ...], ...]
    failed: Bools
    values: Mapping[str, Floats]
    priced: bool = True
    missing: Missing = "undefined"
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One metric of a table, ready to be ranked.

    Attributes:
        name, higher_is_better, weight: of the metric.
        values: (teams, cases); a failed case has what a failure costs; nan outside `usable`.
        failed: (teams, cases): ranked last, as the case failed, or the value is missing or
            infinite.
        usable: (cases,); False where some team has neither a value nor failed: such a case is left
            out for all teams, so that all are compared over the same cases.
        missing, infinite: (teams, cases), why a value is last although the case did not fail.
        statistic: of cases' values, where such are ranked.
        sums: what `aggregated` sums: columns by name, (teams, cases), of each of the ratios.
        ratios: what it makes of the sums; their mean is the value.
        variants: of `sums`, what each balanced accuracy is made of; their mean is the value.
    """

    name: str
    higher_is_better: bool
    weight: float
    values: Floats
    failed: Bools
    usable: Bools
    missing: Bools
    infinite: Bools
    statistic: RankedStatistic = "mean"
    sums: Mapping[str, Floats] = field(default_factory=dict)
    ratios: tuple[SumRatio, ...] = ()
    variants: tuple[tuple[str, ...], ...] = ()

    def within(self, where: slice) -> "Column":
        """The same metric over a slice of the cases."""
        return replace(
            self,
            values=self.values[:, where],
            failed=self.failed[:, where],
            usable=self.usable[where],
            missing=self.missing[:, where],
            infinite=self.infinite[:, where],
        )


def table_of(
    scores: Sequence[CaseScore],
    metrics: Sequence[str],
    *,
    priced: bool = True,
    missing: Missing = "undefined",
) -> ScoreTable:
    """Put case scores into arrays.

    Raises:
        RankingRefusedError: there is no row, a combination of team and case is missing, twice
            there or unscored by an error of the harness, a case is in two modalities, or a value
            is nan. All problems are named in one go.
    """
    if not scores:
        raise RankingRefusedError(
            where="case scores",
            found="no row",
            expected="a row for each team and case",
            mend="run and score first: `segjudge run`, `segjudge score`",
        )
    rows = {(score.team, score.case): score for score in scores}
    teams = tuple(sorted({score.team for score in scores}))
    modality_of = {score.case: score.modality for score in scores}
    group_of = {score.case: score.group for score in scores}
    cases = tuple(sorted(modality_of, key=lambda case: (modality_of[case], case)))
    problems = _problems(scores, rows, teams, modality_of, group_of, metrics)
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
                [[_number(rows[team, case].value(metric)) for case in cases] for team in teams],
                dtype=np.float64,
            )
            for metric in metrics
        },
        priced=priced,
        missing=missing,
        groups=tuple(group_of[case] for case in cases),
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _problems(
    scores: Sequence[CaseScore],
    rows: Mapping[tuple[str, str], CaseScore],
    teams: Sequence[str],
    modality_of: Mapping[str, str],
    group_of: Mapping[str, str],
    metrics: Sequence[str],
) -> list[Finding]:
    run_again = "`segjudge run` again (it resumes), then `segjudge score`"
    once = "every combination of team and case once, and each case in one modality"
    rows_of = Counter((score.team, score.case) for score in scores)
    faults = [
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
            "in another group than for another team",
            [key for key, row in rows.items() if row.group != group_of[key[1]]],
            "give each case one group",
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
                if any(math.isnan(row.value(m) or 0.0) for m in metrics)
            ],
            "leave a cell empty where there is no value",
        ),
    ]
    return [
        Finding(where="case scores", found=f"{_listed(keys)} {what}", expected=once, mend=mend)
        for what, keys, mend in faults
        if keys
    ]


def _listed(keys: Sequence[tuple[str, str]]) -> str:
    return listed([f"team {team} case {case}" for team, case in sorted(set(keys))], most=5)


def column(table: ScoreTable, metric: RankedColumn) -> Column:
    """One metric with the prices of failures put in.

    What has failed is last in its case whatever its value, and so is an infinite value, and a
    missing one where the table says so. Where values are averaged, a failed case of a priced table
    has its own value; any other last one counts the metric's worst value, where it has one, or the
    worst that was recorded (a crash is quick, and would win by its time).

    Raises:
        RankingRefusedError: no case has a value for every team that did not fail, or a value is
            infinitely good.
    """
    recorded, failed = table.values[metric.name], table.failed
    higher = metric.direction == "higher"
    infinite: Bools = np.isinf(recorded)
    if (infinite & ((recorded > 0) == higher)).any():
        raise RankingRefusedError(_infinitely_good(table, metric))
    absent: Bools = np.isnan(recorded) & ~failed
    missing: Bools = absent & (table.missing == "failure") & ~(absent | failed).all(axis=0)
    last: Bools = failed | infinite | missing
    usable: Bools = np.all(~absent | missing, axis=0)
    rankable = usable & ~failed.all(axis=0)
    known = recorded[np.isfinite(recorded)]
    if not rankable.any() and not (failed.all() and (known.size or metric.worst is not None)):
        raise RankingRefusedError(_nothing_to_rank(table, metric.name))
    limit = np.minimum if higher else np.maximum
    clipped = recorded if metric.tolerance is None else limit(recorded, metric.tolerance)
    worst = metric.worst
    if worst is None and known.size:
        worst = float(known.min() if higher else known.max())
    unpriced = last & ~(failed & np.isfinite(recorded) & table.priced)
    cost = np.where(unpriced, np.nan if worst is None else worst, clipped)
    return Column(
        name=metric.name,
        higher_is_better=higher,
        weight=metric.weight,
        values=np.where(usable, cost, np.nan),
        failed=last,
        usable=usable,
        missing=missing,
        infinite=infinite & ~failed,
        statistic=metric.statistic,
        sums={n: np.nan_to_num(table.values[n]) for n in metric.columns if n in table.values},
        ratios=metric.ratios,
        variants=metric.variants,
    )


def _infinitely_good(table: ScoreTable, metric: RankedColumn) -> Finding:
    best = table.values[metric.name] == (np.inf if metric.direction == "higher" else -np.inf)
    keys = [(table.teams[i], table.cases[j]) for i, j in np.argwhere(best)]
    return Finding(
        where=f"case scores, column {metric.name}",
        found=f"{_listed(keys)} with a value that is not finite, and better than any",
        expected=f"numbers, of which {metric.direction} ones are better, or infinitely bad ones",
        mend="name the other direction, or leave a cell empty where there is no value",
    )


def _nothing_to_rank(table: ScoreTable, metric: str) -> Finding:
    known = int((~np.isnan(table.values[metric])).sum())
    cells = len(table.teams) * len(table.cases)
    return Finding(
        where=f"case scores, column {metric}",
        found=f"{known} values in {cells} rows, and no case with one for every team",
        expected=f"values, because the ranking uses {metric}",
        mend=(
            "times and memory are known only after `segjudge run`; to rank a table without them, "
            "name the metrics to rank by"
        ),
    )
