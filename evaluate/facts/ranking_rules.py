"""The part of a challenge's rules that makes places of numbers."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

import msgspec

from evaluate.facts.aggregates import VARIANTS, aggregate_of, summed_columns
from evaluate.facts.errors import Finding
from evaluate.facts.metric_rules import MEASURED, Strict, metric_named
from evaluate.facts.misspelled import most_like
from evaluate.facts.scoring_rules import Scoring

RankLevel: TypeAlias = Literal["case", "label", "modality", "stratum", "cohort"]
RankedStatistic: TypeAlias = Literal["mean", "median", "rmse", "aggregated", "balanced_accuracy"]

_Positive = Annotated[float, msgspec.Meta(gt=0)]


class RankedMetric(Strict, frozen=True, kw_only=True):
    """What teams are ranked by, and its weight.

    Attributes:
        name: a column of case_scores.csv; `METRIC[LABEL]` is the metric of one label or region, of
            label_scores.csv; or a column of another tool's table.
        direction: of another tool's: whether higher or lower values are better; not for our own.
        statistic: where values of several cases are ranked, what is made of them: `aggregated` of
            counts or volumes that are summed over the cases first, of each label or region that has
            them, and then the mean over these; `balanced_accuracy` of `variant` and `topology`, as
            over cohorts, likewise.
        group: metrics of one group are averaged and ranked first; their rank then counts as that of
            one metric, of their mean weight.
        tolerance: values better than this one count as this one (FLARE: memory below the tolerance
            makes ties); None for no clipping.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[^\s\x00-\x1f](.{0,98}\S)?$")]
    direction: Literal["higher", "lower"] | None = None
    statistic: RankedStatistic = "mean"
    weight: _Positive = 1.0
    group: str | None = None
    tolerance: Annotated[float, msgspec.Meta(ge=0)] | None = None


class Ranking(Strict, frozen=True, kw_only=True):
    """How places are made.

    Attributes:
        metrics: ranked separately; a team's ranks are averaged over them by weight.
        rank_level: `case` ranks the teams in every case, `label` in every case and label or region
            that the protocol lists (by what has no labels, as time, in every case); the others rank
            what `statistic` makes of the cases of each modality, of each stratum, or of all
            (`cohort`).
        strata: pattern whose match in a case's name is its stratum, which then stands for the
            modality in all that follows.
        across_modalities: where teams are ranked in every case: `micro` weighs every case alike,
            `macro` every modality or stratum. Otherwise these always weigh alike.
        ties: the rank that equal values share.
        tie_breaks: columns whose means over the modalities or strata part teams of equal mean rank,
            in this order; without them such teams share a place.
        equal: what makes places equal: equal mean ranks (`value`), or that no permutation test at
            `alpha` parts a team from the best one of the same place (`significance`).
        alpha: level of the tests.
        adjustment: of the tests' p-values for there being many pairs of teams.
        resample: what the bootstrap draws: single cases, or groups of cases, such as patients.
    """

    metrics: tuple[RankedMetric, ...]
    rank_level: RankLevel = "case"
    strata: str | None = None
    across_modalities: Literal["micro", "macro"] = "macro"
    ties: Literal["min", "average", "max"] = "min"
    tie_breaks: tuple[str, ...] = ()
    equal: Literal["value", "significance"] = "value"
    alpha: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.05
    adjustment: Literal["holm", "bh", "none"] = "holm"
    resample: Literal["case", "group"] = "case"


def of_label(name: str) -> tuple[str, str]:
    """A column's metric, and the label or region that it is of; empty for the case.

    >>> of_label("dsc[tumor]"), of_label("dsc")
    (('dsc', 'tumor'), ('dsc', ''))
    """
    metric, bracket, label = name.removesuffix("]").partition("[")
    return (metric, label) if bracket and name.endswith("]") else (name, "")


def labels_of(metric: str, scoring: Scoring) -> tuple[str, ...]:
    """The labels and regions that a protocol lists and scores by a metric; a time has none."""
    if metric not in scoring.names:
        return ()
    labels = () if isinstance(scoring.labels, str) else scoring.labels
    named = [scoring.label_names.get(str(label), str(label)) for label in labels]
    regions = [r.name for r in scoring.regions if r.metrics is None or metric in r.metrics]
    return (*named, *regions)


def ranking_problems(
    ranking: Ranking, scoring: Scoring, *, other_columns: bool
) -> Iterator[Finding]:
    """What is wrong with the ranking, one finding each; `where` is the key."""
    names = [metric.name for metric in ranking.metrics]
    if not names or len(set(names)) < len(names):
        expected = "at least one metric, each named once"
        yield Finding(where="ranking.metrics", found=f"{names}", expected=expected)
    for metric in ranking.metrics:
        problem = direction_problem(metric, scoring, where="ranking.metrics")
        if problem is not None:
            yield problem
        else:
            yield from _column_problems(metric, ranking, scoring, other_columns=other_columns)
    made, breaks = [*scoring.case_names, *MEASURED], ranking.tie_breaks
    known = [name for name in breaks if name in names or of_label(name)[0] in made]
    if len(set(breaks)) < len(breaks) or (len(known) < len(breaks) and not other_columns):
        expected = f"some of {', '.join(made)}, or METRIC[LABEL], each once"
        yield Finding(where="ranking.tie_breaks", found=f"{list(breaks)}", expected=expected)
    try:
        re.compile(ranking.strata or "")
    except re.error as error:
        fault = f"{ranking.strata!r}: {error}"
        yield Finding(where="ranking.strata", found=fault, expected="a regular expression")
    if ranking.rank_level == "stratum" and ranking.strata is None:
        expected = "a pattern of cases' names"
        yield Finding(where="ranking.strata", found="nothing", expected=expected)


def _column_problems(
    metric: RankedMetric, ranking: Ranking, scoring: Scoring, *, other_columns: bool
) -> Iterator[Finding]:
    made = [*scoring.case_names, *MEASURED]
    base, label = of_label(metric.name)
    where = f"ranking.metrics, {metric.name}"
    if metric.statistic == "balanced_accuracy":
        needed = VARIANTS.get(base, ("variants",))
        missing = [name for name in needed if name not in scoring.names]
        if missing or label or ranking.rank_level in ("case", "label"):
            fault = f"no {', '.join(missing)}" if missing else f"level `{ranking.rank_level}`"
            expected = f"{' or '.join(VARIANTS)}, what it is made of, and several cases a rank"
            yield Finding(where=where, found=fault, expected=expected)
        return
    if base not in made and not other_columns:
        yield Finding(
            where=where,
            found=f"{base}, which this protocol does not compute",
            expected=f"{', '.join(made)}, or a metric that scoring.metrics names too (by another"
            " tool's column only `segjudge rank --scores` ranks)",
            mend=most_like(base, made),
        )
        return
    listed = labels_of(base, scoring)
    if label and label not in listed and not isinstance(scoring.labels, str):
        expected, mend = f"one of {', '.join(listed)}", most_like(label, listed)
        yield Finding(where=where, found=f"label {label}", expected=expected, mend=mend)
    if ranking.rank_level == "label" and base in scoring.names and (label or not listed):
        expected = "a metric that listed labels or regions are scored by, without a label"
        yield Finding(where=where, found=f"{metric.name} at level `label`", expected=expected)
    if metric.statistic != "mean" and ranking.rank_level in ("case", "label"):
        expected = "a level at which values of several cases are ranked: modality, stratum, cohort"
        fault = f"{metric.statistic} at level `{ranking.rank_level}`"
        yield Finding(where=where, found=fault, expected=expected)
    if metric.statistic == "aggregated":
        missing = [n for n in summed_columns(base) if n not in scoring.names]
        if missing or aggregate_of(base) is None:
            fault = f"no {', '.join(missing)} to sum" if missing else "no way to aggregate it"
            expected = "a Dice, or a metric of objects, and what it is made of"
            yield Finding(where=where, found=fault, expected=expected)


def direction_problem(metric: RankedMetric, scoring: Scoring, *, where: str) -> Finding | None:
    """Why a metric can't be ranked by: another tool's needs a direction, our own has one."""
    base, _ = of_label(metric.name)
    known = scoring.definition(base) or metric_named(base)
    if metric.statistic == "balanced_accuracy" and metric.direction != "lower":
        return None
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
