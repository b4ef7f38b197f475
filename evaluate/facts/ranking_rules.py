"""The part of a challenge's rules that makes places of numbers."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from evaluate.facts.errors import Finding
from evaluate.facts.misspelled import most_like
from evaluate.facts.scoring_rules import MEASURED, Scoring, Strict, metric_named

__all__ = ["RankedMetric", "Ranking", "direction_problem", "ranking_problems"]

_Positive = Annotated[float, msgspec.Meta(gt=0)]


class RankedMetric(Strict, frozen=True, kw_only=True):
    """A column of case_scores.csv that teams are ranked by, and its weight.

    Attributes:
        name: one of segjudge's own metrics, or a column of another tool's table.
        direction: of another tool's: whether higher or lower values are better; not for our own.
        tolerance: values better than this one count as this one (FLARE: memory below the tolerance
            makes ties); None for no clipping.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[^\s\x00-\x1f](.{0,98}\S)?$")]
    direction: Literal["higher", "lower"] | None = None
    weight: _Positive = 1.0
    tolerance: Annotated[float, msgspec.Meta(ge=0)] | None = None


class Ranking(Strict, frozen=True, kw_only=True):
    """How places are made.

    Attributes:
        metrics: ranked separately; a team's ranks are averaged over them by weight.
        rank_level: `case` ranks the teams in every case; `modality` ranks their means over the
            cases of each modality.
        across_modalities: with `rank_level` case: `micro` weighs every case alike, `macro` every
            modality. Ranking by `modality` always weighs modalities alike.
        ties: the rank that equal values share.
        tie_breaks: ranked metrics whose means over the modalities part teams of equal mean rank, in
            this order; without them such teams share a place.
        alpha: level of the tests.
        adjustment: of the tests' p-values for there being many pairs of teams.
    """

    metrics: tuple[RankedMetric, ...]
    rank_level: Literal["case", "modality"] = "case"
    across_modalities: Literal["micro", "macro"] = "macro"
    ties: Literal["min", "average", "max"] = "min"
    tie_breaks: tuple[str, ...] = ()
    alpha: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.05
    adjustment: Literal["holm", "bh", "none"] = "holm"


def ranking_problems(
    ranking: Ranking, scoring: Scoring, *, other_columns: bool
) -> Iterator[Finding]:
    """What is wrong with the ranking, one finding each; `where` is the key."""
    names = [metric.name for metric in ranking.metrics]
    if not names or len(set(names)) < len(names):
        expected = "at least one metric, each named once"
        yield Finding(where="ranking.metrics", found=f"{names}", expected=expected)
    made = [*scoring.case_names, *MEASURED]
    for metric in ranking.metrics:
        problem = direction_problem(metric, scoring, where="ranking.metrics")
        if problem is not None:
            yield problem
        elif metric.name not in made and not other_columns:
            yield Finding(
                where="ranking.metrics",
                found=f"{metric.name}, which this protocol does not compute",
                expected=f"{', '.join(made)}, or a metric that scoring.metrics names too (by"
                " another tool's column only `segjudge rank --scores` ranks)",
                mend=most_like(metric.name, made),
            )
    breaks = ranking.tie_breaks
    if len(set(breaks)) < len(breaks) or not set(breaks) <= set(names):
        expected = f"some of the ranked metrics ({', '.join(names)}), each named once"
        yield Finding(where="ranking.tie_breaks", found=f"{list(breaks)}", expected=expected)


def direction_problem(metric: RankedMetric, scoring: Scoring, *, where: str) -> Finding | None:
    """Why a metric can't be ranked by: another tool's needs a direction, our own has one."""
    known = scoring.definition(metric.name) or metric_named(metric.name)
    if known is not None:
        if metric.direction in (None, known.direction):
            return None
        return Finding(
            where=where,
            found=f"{metric.name} with direction {metric.direction}",
            expected=f"{known.direction}: of {known.title}, {known.direction} values are better",
            mend="leave the direction out, or give another quantity a name of its own",
        )
    if metric.direction is not None:
        return None
    return Finding(
        where=where,
        found=f"{metric.name} with direction not named",
        expected=f"one of {', '.join((*scoring.case_names, *MEASURED))} or another of"
        " docs/metrics.md, which have their directions, or another tool's column with `higher`"
        " or `lower`",
    )
