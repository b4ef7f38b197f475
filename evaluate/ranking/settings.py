"""How places are made: a protocol's ranking settings, with each metric's direction beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evaluate.facts.errors import RankingRefusedError
from evaluate.facts.ranking_rules import RankedMetric, direction_problem
from evaluate.facts.rules import Rules
from evaluate.facts.scoring_rules import metric_named

__all__ = ["Adjustment", "Compat", "RankSettings", "RankedColumn", "Ties", "ranked_column"]

Ties = Literal["min", "average", "max"]
Adjustment = Literal["holm", "bh", "none"]
Compat = Literal["challenger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedColumn:
    """A metric that teams are ranked by.

    Attributes:
        name: a column of the table of scores.
        direction: which values are better.
        weight: of the metric's ranks among those of all metrics.
        worst: the value that no result can be worse than; None where there is none.
        tolerance: values better than this one count as this one; None for no clipping.
    """

    name: str
    direction: Literal["higher", "lower"]
    weight: float = 1.0
    worst: float | None = None
    tolerance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankSettings:
    """Everything that decides a place.

    Attributes:
        metrics: ranked separately; a team's ranks are averaged over them by weight.
        rank_level: `case` ranks the teams in every case, `modality` their means in each modality.
        across_modalities: `micro` weighs every case alike, `macro` every modality.
        ties: the rank that equal values share.
        tie_breaks: ranked metrics whose macro means part teams of equal mean rank, in this order.
        alpha: level of the tests.
        adjustment: of the p-values for there being many pairs of teams.
        compat: `challenger` repeats two known errors of challengeR 1.0.5 in the bootstrap: a case
            drawn m times weighs m squared, and tests drop the repeated cases.
    """

    metrics: tuple[RankedColumn, ...]
    rank_level: Literal["case", "modality"] = "case"
    across_modalities: Literal["micro", "macro"] = "macro"
    ties: Ties = "min"
    tie_breaks: tuple[str, ...] = ()
    alpha: float = 0.05
    adjustment: Adjustment = "holm"
    compat: Compat | None = None

    @classmethod
    def from_protocol(
        cls,
        protocol: Rules,
        *,
        metrics: Sequence[RankedMetric] | None = None,
        adjustment: Adjustment | None = None,
        compat: Compat | None = None,
    ) -> "RankSettings":
        """The protocol's rules, perhaps with other metrics or another adjustment.

        A tie-break by a metric that is not ranked then is left out.

        Raises:
            RankingRefusedError: a metric is unknown, named twice, or there is none.
        """
        chosen = protocol.ranking.metrics if metrics is None else tuple(metrics)
        names = [metric.name for metric in chosen]
        if not names or len(set(names)) < len(names):
            raise RankingRefusedError(
                where="metrics to rank by",
                found=", ".join(names) or "none",
                expected="at least one, each named once",
            )
        for metric in chosen:
            problem = direction_problem(metric, protocol.scoring, where="metrics to rank by")
            if problem is not None:
                raise RankingRefusedError(problem)
        return cls(
            metrics=tuple(
                replace(
                    ranked_column(
                        protocol, metric.name, weight=metric.weight, direction=metric.direction
                    ),
                    tolerance=metric.tolerance,
                )
                for metric in chosen
            ),
            rank_level=protocol.ranking.rank_level,
            across_modalities=(
                "macro"
                if protocol.ranking.rank_level == "modality"
                else protocol.ranking.across_modalities
            ),
            ties=protocol.ranking.ties,
            tie_breaks=tuple(name for name in protocol.ranking.tie_breaks if name in names),
            alpha=protocol.ranking.alpha,
            adjustment=protocol.ranking.adjustment if adjustment is None else adjustment,
            compat=compat,
        )


def ranked_column(
    protocol: Rules,
    name: str,
    *,
    weight: float = 1.0,
    direction: Literal["higher", "lower"] | None = None,
) -> RankedColumn:
    """A metric as a protocol knows it."""
    known = protocol.scoring.definition(name) or metric_named(name)
    worst = known.worst if known else None
    return RankedColumn(
        name=name,
        direction=direction or (known.direction if known else "higher"),
        weight=weight,
        worst=worst if isinstance(worst, float) and math.isfinite(worst) else None,
    )
