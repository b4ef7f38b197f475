"""The protocol's own ranking as records: rows of ranking.csv, `overall` and `failures`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluate.ranking.places import rank_columns
from evaluate.ranking.plain import plain, rank_value
from evaluate.ranking.result import RankingRow
from evaluate.ranking.scheme import Standing, mean_over, modality_means
from evaluate.ranking.score_table import Column, Floats, ScoreTable
from evaluate.ranking.settings import RankSettings

__all__ = ["failures_of", "overall_of", "rows_of"]


def rows_of(
    table: ScoreTable, standing: Standing, shown: Mapping[str, Column]
) -> tuple[RankingRow, ...]:
    """The rows of ranking.csv, best first.

    Args:
        table: the scores.
        standing: of one replicate: every case once.
        shown: the metrics that have values, ranked by or not.
    """
    once = np.ones((len(table.cases), 1))
    means: dict[str, Floats] = {}
    for name, column in shown.items():
        by_modality, _ = modality_means(
            column.values, column.usable, once, list(table.modalities.values())
        )
        means[name] = mean_over(by_modality)[:, 0]
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
            dsc=mean("dsc", i),
            nsd=mean("nsd", i),
            wall_s=mean("wall_s", i),
            cpu_s=mean("cpu_s", i),
            peak_memory_mib=mean("peak_memory_mib", i),
            failures=int(failures[i]),
            cases=len(table.cases),
        )
        for i, team in enumerate(table.teams)
    ]
    return tuple(sorted(rows, key=lambda row: (row.rank, row.team)))


def overall_of(
    table: ScoreTable, standing: Standing, settings: RankSettings
) -> dict[str, dict[str, Any]]:
    """The protocol's own scheme, by team: places, mean ranks, and what they are made from."""
    places = [
        rank_columns(mean, higher_is_better=False, ties=settings.ties)[:, 0]
        for mean in standing.by_modality
    ]
    return {
        team: {
            "rank": rank_value(standing.rank[i, 0]),
            "mean_rank": plain(standing.mean[i, 0]),
            "rank_micro": rank_value(standing.rank_micro[i, 0]),
            "mean_rank_micro": plain(standing.micro[i, 0]),
            "rank_macro": rank_value(standing.rank_macro[i, 0]),
            "mean_rank_macro": plain(standing.macro[i, 0]),
            "by_metric": {
                name: {
                    "mean_rank_micro": plain(micro[i, 0]),
                    "mean_rank_macro": plain(macro[i, 0]),
                }
                for name, (micro, macro) in standing.by_metric.items()
            },
            "by_modality": {
                name: {
                    "mean_rank": plain(standing.by_modality[m, i, 0]),
                    "rank": rank_value(places[m][i]),
                }
                for m, name in enumerate(table.modalities)
            },
        }
        for i, team in enumerate(table.teams)
    }


def failures_of(table: ScoreTable, columns: Sequence[Column]) -> dict[str, Any]:
    """How often each team failed, where and how, and the cases that a metric had to leave out."""
    failed = table.failed
    return {
        "cases": len(table.cases),
        "cases_by_modality": {name: m.stop - m.start for name, m in table.modalities.items()},
        "by_team": {
            team: {
                "failures": int(failed[i].sum()),
                "by_modality": {
                    name: int(failed[i, m].sum()) for name, m in table.modalities.items()
                },
                "by_outcome": dict(
                    sorted(Counter(o.value for o in table.outcomes[i] if o.is_failure).items())
                ),
            }
            for i, team in enumerate(table.teams)
        },
        "left_out": {
            column.name: [
                case for case, kept in zip(table.cases, column.usable, strict=True) if not kept
            ]
            for column in columns
        },
    }
