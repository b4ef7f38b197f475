"""From case scores to a ranking: the one place that puts the parts together."""

from collections.abc import Sequence

import numpy as np

from evaluate.errors import RankingRefusedError
from evaluate.protocol import Protocol, RankedMetric
from evaluate.ranking.overall import failures_of, overall_of, rows_of
from evaluate.ranking.result import Result
from evaluate.ranking.scheme import Scheme
from evaluate.ranking.score_table import Column, ScoreTable, column, table_of
from evaluate.ranking.settings import Adjustment, Compat, RankedColumn, RankSettings, ranked_column
from evaluate.records import CaseScore
from metrics import METRICS

__all__ = ["rank"]


def rank(
    scores: Sequence[CaseScore],
    protocol: Protocol,
    *,
    seed: int = 0,
    bootstrap: int = 1000,
    metrics: Sequence[RankedMetric] | None = None,
    adjustment: Adjustment = "holm",
    compat: Compat | None = None,
) -> Result:
    """Rank the teams of a table of case scores by a protocol.

    Args:
        scores: one row for each team and case, in any order.
        protocol: the rules.
        seed: of the resampling; the same seed gives the same result.
        bootstrap: replicates; 0 for none.
        metrics: to rank by, instead of the protocol's.
        adjustment: of the tests' p-values for there being many pairs of teams.
        compat: `challenger` repeats known errors of challengeR, for comparison.

    Raises:
        RankingRefusedError: the table is not complete, or has no values to rank by.
    """
    settings = RankSettings.from_protocol(
        protocol, metrics=metrics, adjustment=adjustment, compat=compat
    )
    table = table_of(scores, list(METRICS))
    columns = [column(table, metric) for metric in settings.metrics]
    shown = _shown(table, [ranked_column(protocol, name) for name in METRICS])
    modalities = list(table.modalities.values())
    scheme = Scheme(columns, settings, modalities)
    standing = scheme.apply(np.ones((len(table.cases), 1)))
    document = {
        "schema": 1,
        "settings": settings.to_json()
        | {"protocol": protocol.name, "seed": seed, "bootstrap": bootstrap},
        "overall": overall_of(table, standing, settings),
        "methods": {},
        "bootstrap": {},
        "tests": {},
        "groups": {},
        "sensitivity": {},
        "failures": failures_of(table, columns),
    }
    return Result(rows=rows_of(table, standing, shown), document=document)


def _shown(table: ScoreTable, metrics: Sequence[RankedColumn]) -> dict[str, Column]:
    found = {}
    for metric in metrics:
        try:
            found[metric.name] = column(table, metric)
        except RankingRefusedError:  # nothing to show: only a metric that is ranked must be there
            continue
    return found
