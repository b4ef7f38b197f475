"""How places are made: a protocol's ranking settings, with each metric's direction beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evaluate.facts.aggregates import VARIANTS, SumRatio, aggregate_of, summed_columns
from evaluate.facts.errors import RankingRefusedError
from evaluate.facts.metric_rules import metric_named
from evaluate.facts.ranking_rules import (
    RankedMetric,
    RankedStatistic,
    RankLevel,
    direction_problem,
    labels_of,
    of_label,
)
from evaluate.facts.rules import Rules

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
        statistic: of the cases' values, where such are ranked.
        group: whose metrics are averaged and ranked first.
        labels: that are aggregated one by one; an empty name is the case.
    """

    name: str
    direction: Literal["higher", "lower"]
    weight: float = 1.0
    worst: float | None = None
    tolerance: float | None = None
    statistic: RankedStatistic = "mean"
    group: str | None = None
    labels: tuple[str, ...] = ("",)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it is made of."""
        parts = (*(ratio.columns for ratio in self.ratios), *self.variants)
        return tuple(dict.fromkeys((self.name, *(name for part in parts for name in part))))

    @property
    def variants(self) -> tuple[tuple[str, ...], ...]:
        """The columns that a balanced accuracy is made of, of each label."""
        if self.statistic != "balanced_accuracy":
            return ()
        return tuple(
            tuple(f"{name}[{label}]" for name in VARIANTS[self.name]) for label in self.labels
        )

    @property
    def ratios(self) -> tuple[SumRatio, ...]:
        """What is aggregated, of each label."""
        ratio = aggregate_of(of_label(self.name)[0])
        if self.statistic != "aggregated" or ratio is None:
            return ()
        return tuple(ratio.ending(f"[{label}]" if label else "") for label in self.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankSettings:
    """Everything that decides a place.

    Attributes:
        metrics: ranked separately; a team's ranks are averaged over them by weight.
        rank_level: `case` and `label` rank the teams in every case, the others what is made of the
            cases of each modality, each stratum, or all.
        strata: pattern of cases' names, whose matches stand for their modalities.
        across_modalities: `micro` weighs every case alike, `macro` every modality.
        ties: the rank that equal values share.
        tie_breaks: columns whose macro means part teams of equal mean rank, in this order.
        equal: whether equal mean ranks or tests that part no teams make places equal.
        alpha: level of the tests.
        adjustment: of the p-values for there being many pairs of teams.
        compat: `challenger` repeats two known errors of challengeR 1.0.5 in the bootstrap: a case
            drawn m times weighs m squared, and tests drop the repeated cases.
        resample: what the bootstrap draws: cases, or groups of them.
    """

    metrics: tuple[RankedColumn, ...]
    rank_level: RankLevel = "case"
    strata: str | None = None
    across_modalities: Literal["micro", "macro"] = "macro"
    ties: Ties = "min"
    tie_breaks: tuple[RankedColumn, ...] = ()
    equal: Literal["value", "significance"] = "value"
    alpha: float = 0.05
    adjustment: Adjustment = "holm"
    compat: Compat | None = None
    resample: Literal["case", "group"] = "case"

    @property
    def by_case(self) -> bool:
        """Whether teams are ranked in every case."""
        return self.rank_level in ("case", "label")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that decide a place."""
        chosen = (*self.metrics, *self.tie_breaks)
        return tuple(dict.fromkeys(name for metric in chosen for name in metric.columns))

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
        ranking = protocol.ranking
        return cls(
            metrics=tuple(
                replace(
                    ranked_column(
                        protocol, name, weight=metric.weight / parts, direction=metric.direction
                    ),
                    tolerance=metric.tolerance,
                    statistic=metric.statistic,
                    group=metric.group,
                    labels=_aggregated_labels(metric, protocol),
                )
                for metric in chosen
                for name, parts in _columns_of(metric, protocol)
            ),
            rank_level=ranking.rank_level,
            strata=ranking.strata,
            across_modalities=(
                ranking.across_modalities if ranking.rank_level in ("case", "label") else "macro"
            ),
            ties=ranking.ties,
            tie_breaks=tuple(
                ranked_column(protocol, name)
                for name in ranking.tie_breaks
                if metrics is None or name in names
            ),
            equal=ranking.equal,
            alpha=ranking.alpha,
            adjustment=ranking.adjustment if adjustment is None else adjustment,
            compat=compat,
            resample=protocol.ranking.resample,
        )


def _columns_of(metric: RankedMetric, protocol: Rules) -> list[tuple[str, int]]:
    """The columns that a metric is ranked by, and how many they are: at level `label` each's."""
    labels = labels_of(metric.name, protocol.scoring)
    if protocol.ranking.rank_level != "label" or not labels:
        return [(metric.name, 1)]
    return [(f"{metric.name}[{label}]", len(labels)) for label in labels]


def _aggregated_labels(metric: RankedMetric, protocol: Rules) -> tuple[str, ...]:
    base, label = of_label(metric.name)
    needed = summed_columns(base)
    if metric.statistic not in ("aggregated", "balanced_accuracy") or label:
        return (label,)
    scored = [labels_of(name, protocol.scoring) for name in needed]
    return tuple(n for n in scored[0] if all(n in names for names in scored)) or ("",)


def ranked_column(
    protocol: Rules,
    name: str,
    *,
    weight: float = 1.0,
    direction: Literal["higher", "lower"] | None = None,
) -> RankedColumn:
    """A metric as a protocol knows it."""
    base, _ = of_label(name)
    known = protocol.scoring.definition(base) or metric_named(base)
    worst = known.worst if known else None
    return RankedColumn(
        name=name,
        direction=direction or (known.direction if known else "higher"),
        weight=weight,
        worst=worst if isinstance(worst, float) and math.isfinite(worst) else None,
    )
