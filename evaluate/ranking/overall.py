"""The protocol's own ranking as records: rows of ranking.csv, `overall` and `failures`."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from evaluate.facts.ranking_record import (
    MetricMeanRanks,
    ModalityPlace,
    OverallPlace,
    RankingFailures,
    TeamFailures,
)
from evaluate.ranking.places import rank_columns
from evaluate.ranking.result import RankingRow, plain, rank_value
from evaluate.ranking.scheme import Standing, mean_over, modality_means
from evaluate.ranking.score_table import Bools, Column, Floats, ScoreTable
from evaluate.ranking.settings import RankSettings

_NAMED = 5
"""Cases that a warning names."""


def rows_of(
    table: ScoreTable,
    standing: Standing,
    shown: Mapping[str, Column | None],
    ranked: Sequence[Column],
) -> tuple[RankingRow, ...]:
    """The rows of ranking.csv, best first."""
    once = np.ones((len(table.cases), 1))
    means: dict[str, Floats] = {}
    for name, column in shown.items():
        if column is None:
            continue
        by_modality, _ = modality_means(
            column.values, column.usable, once, list(table.modalities.values())
        )
        means[name] = standing.values.get(name, mean_over(by_modality))[:, 0]
    failures = table.failed.sum(axis=1)

    def mean(metric: str, team: int) -> float | None:
        return plain(means[metric][team]) if metric in means else None

    def place(value: float) -> float:
        return int(value) if value == int(value) else float(value)

    rows = [
        RankingRow(
            team=team,
            rank=place(standing.rank[i, 0]),
            mean_rank=float(standing.mean[i, 0]),
            rank_micro=place(standing.rank_micro[i, 0]),
            mean_rank_micro=float(standing.micro[i, 0]),
            rank_macro=place(standing.rank_macro[i, 0]),
            mean_rank_macro=float(standing.macro[i, 0]),
            values={name: mean(name, i) for name in shown},
            failures=int(failures[i]),
            cases=len(table.cases),
            missing=int(sum(column.missing[i].sum() for column in ranked)),
            infinite=int(sum(column.infinite[i].sum() for column in ranked)),
            left_out=int(sum((~column.usable).sum() for column in ranked)),
        )
        for i, team in enumerate(table.teams)
    ]
    return tuple(sorted(rows, key=lambda row: (row.rank, row.team)))


def overall_of(
    table: ScoreTable, standing: Standing, settings: RankSettings
) -> dict[str, OverallPlace]:
    """The protocol's own scheme, by team: places, mean ranks, and what they are made from."""
    places = [
        rank_columns(mean, higher_is_better=False, ties=settings.ties)[:, 0]
        for mean in standing.by_modality
    ]
    return {
        team: OverallPlace(
            rank=rank_value(standing.rank[i, 0]),
            mean_rank=plain(standing.mean[i, 0]),
            rank_micro=rank_value(standing.rank_micro[i, 0]),
            mean_rank_micro=plain(standing.micro[i, 0]),
            rank_macro=rank_value(standing.rank_macro[i, 0]),
            mean_rank_macro=plain(standing.macro[i, 0]),
            by_metric={
                name: MetricMeanRanks(
                    mean_rank_micro=plain(micro[i, 0]), mean_rank_macro=plain(macro[i, 0])
                )
                for name, (micro, macro) in standing.by_metric.items()
            },
            by_modality={
                name: ModalityPlace(
                    mean_rank=plain(standing.by_modality[m, i, 0]), rank=rank_value(places[m][i])
                )
                for m, name in enumerate(table.modalities)
            },
        )
        for i, team in enumerate(table.teams)
    }


def failures_of(table: ScoreTable, columns: Sequence[Column]) -> RankingFailures:
    """How often each team failed, where and how, and the cases that a metric had to leave out."""
    failed = table.failed
    return RankingFailures(
        cases=len(table.cases),
        cases_by_modality={name: m.stop - m.start for name, m in table.modalities.items()},
        by_team={
            team: TeamFailures(
                failures=int(failed[i].sum()),
                by_modality={name: int(failed[i, m].sum()) for name, m in table.modalities.items()},
                by_outcome=dict(
                    sorted(Counter(o.value for o in table.outcomes[i] if o.is_failure).items())
                ),
            )
            for i, team in enumerate(table.teams)
        },
        left_out={
            column.name: tuple(
                case for case, kept in zip(table.cases, column.usable, strict=True) if not kept
            )
            for column in columns
        },
        missing={column.name: _by_team(table, column.missing) for column in columns},
        infinite={column.name: _by_team(table, column.infinite) for column in columns},
    )


def _by_team(table: ScoreTable, which: Bools) -> dict[str, tuple[str, ...]]:
    """The cases of each team that has any."""
    return {
        team: tuple(case for case, chosen in zip(table.cases, row, strict=True) if chosen)
        for team, row in zip(table.teams, which, strict=True)
        if row.any()
    }


def value_warnings(table: ScoreTable, columns: Sequence[Column]) -> list[str]:
    """What a reader must know of values that are not there, or are last."""
    said = []
    for column in columns:
        left_out = [c for c, kept in zip(table.cases, column.usable, strict=True) if not kept]
        if left_out:
            empty = np.isnan(table.values[column.name]) & ~table.failed & ~column.usable
            teams = _by_team(table, empty)
            whose = "all teams" if len(teams) == len(table.teams) else ", ".join(teams)
            said.append(
                f"{column.name}: {_cases(left_out)} left out for all teams, as {whose} ha"
                f"{'s' if len(teams) == 1 else 've'} no value there"
            )
        said += [
            f"{column.name}: {team} is last in {_cases(cases)}, where {why}"
            for which, why in (
                (column.missing, "it has no value and others have one"),
                (column.infinite, "its value is infinite"),
            )
            for team, cases in _by_team(table, which).items()
        ]
        if not table.priced and (table.failed | column.missing | column.infinite).any():
            said.append(
                f"{column.name}: in averages, a failed, missing or infinite value counts as the"
                " metric's worst one, or as the worst in the table where the metric has none"
            )
    return said


def _cases(cases: Sequence[str]) -> str:
    named = ", ".join(cases[:_NAMED]) + (", ..." if len(cases) > _NAMED else "")
    return f"{len(cases)} case{'s' if len(cases) > 1 else ''} ({named})"
