"""The part of a challenge's rules that makes numbers of masks: labels, conventions, metrics."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec

from evaluate.facts.metric_rules import (
    MEASURED,
    Label,
    Name,
    Region,
    ScoredMetric,
    Strict,
    metric_named,
)

if TYPE_CHECKING:  # the metrics bring numpy and the kernel: not for a command that needs neither
    from metrics import MetricDef

_Labels: TypeAlias = Literal[
    "reference", "union", "one_to_maximum", "prompted", "prompted_above_lowest"
]
_Statistic: TypeAlias = (
    Literal["mean", "sd", "min", "q25", "median", "q75", "max", "rmse", "sum"]
    | Literal["aggregated", "global", "balanced_accuracy"]
)


class Cohort(Strict, frozen=True, kw_only=True):
    """Numbers over all cases of a team: rows of cohort_scores.csv.

    Attributes:
        metric: a column of the tables.
        statistics: `mean`, `sd` of a sample, quartiles interpolated linearly, `rmse`, `sum`;
            `aggregated`, a Dice or a detection metric of volumes or counts that are summed over the
            cases first; `global`, a Dice of voxels summed so; `balanced_accuracy`, of a `variant`
            or a `topology`: the mean recall over the reference's variants.
        over: the values of each label and region, or those of the cases.
        labels: names of those that are meant; none for all.
        joined: name of a further row, of the mean over these labels' values; `-` for no label.
        joined_spread: whether that row is of `_mean` and `_sd` (of a population) over the labels.
        cases: all cases, or only those that have a prediction which counts (`answered`), as scripts
            do that forget a missing file.
        groups: pattern whose match in a case's name is its data set; each statistic is then also
            taken of each set, and averaged (`_macro`).
    """

    metric: str
    statistics: tuple[_Statistic, ...]
    over: Literal["labels", "cases"] = "labels"
    labels: tuple[str, ...] = ()
    joined: str | None = None
    joined_spread: bool = False
    cases: Literal["all", "answered"] = "all"
    groups: str | None = None


class OverRounds(Strict, frozen=True, kw_only=True):
    """A column of case_scores.csv made of a metric's values in all rounds.

    Attributes:
        name: of the column.
        metric: whose values; its own column is that of the last round.
        reduction: `area` under the line through the rounds' values, unit steps apart; `mean`;
            `best`; `first`.
        last: so many rounds count, from the end; all without it.
    """

    name: Name
    metric: str
    reduction: Literal["area", "mean", "best", "first"] = "area"
    last: Annotated[int, msgspec.Meta(ge=2)] | None = None

    def of(self, values: Sequence[float], direction: str) -> float:
        """The number of a case."""
        values = values[-self.last :] if self.last else values
        match self.reduction:
            case "area":
                return sum((a + b) / 2 for a, b in pairwise(values))
            case "mean":
                return sum(values) / len(values)
            case "best":
                return max(values) if direction == "higher" else min(values)
            case "first":
                return values[0]


class Scoring(Strict, frozen=True, kw_only=True):
    """How a mask becomes numbers.

    Attributes:
        metrics: what cases are scored by; columns of the tables, in this order.
        labels: `reference` scores the labels that the reference has; `union` also those that only
            the prediction has; `one_to_maximum` scores 1 to the reference's largest, gaps included,
            as the CVPR 2024 script; a list scores those, whether a case has them or not; `prompted`
            scores those of the reference that the case's text prompts name, and none of an
            `instance` case; `prompted_above_lowest` never the reference's smallest value, which is
            no background where there is none, as the script of CVPR 2025's text track.
        regions: scored besides, whether a case has them or not.
        cohort: numbers over all cases.
        lesions: the metric whose settings say what an object is and when it is found, if there is
            to be a table of single ones; None for none, which is faster.
        over_rounds: further columns of a case, of a protocol with rounds.
        label_names: what labels are called in the tables, by their number; others by the number.
        unexpected: what a label costs that the protocol does not know, where it names labels or
            regions: nothing (`ignore`), every value of the case (`worst`), or the file, which is
            no valid prediction then (`bad_output`).
        spacing_order: `array` uses the spacing in the array's axis order; `stored` applies the
            file's x, y, z to the array's z, y, x by index, as the CVPR 2024 script.
        two_d: `contour` compares outlines; `slab` a one-voxel-thick (H, W, 1) volume, whose faces
            are surface too, as the CVPR 2024 script.
        two_d_spacing: `case` uses a 2D case's spacing where it has one; `unit` always 1.
    """

    metrics: tuple[ScoredMetric, ...]
    labels: _Labels | tuple[Label, ...] = "reference"
    regions: tuple[Region, ...] = ()
    cohort: tuple[Cohort, ...] = ()
    lesions: Name | None = None
    over_rounds: tuple[OverRounds, ...] = ()
    label_names: dict[str, str] = msgspec.field(default_factory=dict)
    unexpected: Literal["ignore", "worst", "bad_output"] = "ignore"
    spacing_order: Literal["array", "stored"] = "array"
    two_d: Literal["contour", "slab"] = "contour"
    two_d_spacing: Literal["case", "unit"] = "case"

    @property
    def needs_prompts(self) -> bool:
        """Whether a case's text prompts decide what is scored of it."""
        prompted = self.labels in ("prompted", "prompted_above_lowest")
        return prompted or any(metric.cases != "all" for metric in self.metrics)

    @property
    def known_labels(self) -> frozenset[int] | None:
        """What a prediction's labels may be without being unexpected; None for any."""
        if isinstance(self.labels, str) and not self.regions:
            return None
        listed = () if isinstance(self.labels, str) else self.labels
        sets = [
            (1,) if isinstance(region.labels, str) else region.labels for region in self.regions
        ]
        return frozenset({*listed, *map(int, self.label_names), *(n for s in sets for n in s)})

    @property
    def allowed_labels(self) -> frozenset[int] | None:
        """What a mask may hold without being bad output; None for any label."""
        return self.known_labels if self.unexpected == "bad_output" else None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the metrics, in their order."""
        return tuple(metric.name for metric in self.metrics)

    @property
    def case_names(self) -> tuple[str, ...]:
        """Of a case's columns: the metrics, and what is made of their rounds."""
        return (*self.names, *(reduced.name for reduced in self.over_rounds))

    def metric(self, name: str) -> ScoredMetric | None:
        """A metric by its name; None if this protocol does not compute it."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    def definition(self, name: str) -> "MetricDef | None":
        """The metric of a column, a measured one's too; None if no stage makes such a column."""
        scored = self.metric(name)
        if scored is not None:
            return scored.definition
        for reduced in self.over_rounds:
            base = self.metric(reduced.metric) if reduced.name == name else None
            if base is not None:
                return _over_rounds(reduced, base.definition)
        return metric_named(name) if name in MEASURED else None


def _over_rounds(reduced: OverRounds, base: "MetricDef") -> "MetricDef":
    """What a column over rounds is; its best value depends on how many rounds there are."""
    words = {"area": "area over rounds", "mean": "mean over rounds"}
    how = words.get(reduced.reduction, f"{reduced.reduction} round")
    return replace(
        base,
        name=reduced.name,
        title=f"{base.title}, {how}",
        long_title=f"{base.long_title}, {how}",
        definition=f"{base.definition} Of the rounds' values: {how}.",
        unit=f"{base.unit} rounds".strip() if reduced.reduction == "area" else base.unit,
    )


def with_options(data: object) -> object:
    """A protocol's plain data, with the options of each metric in a table of their own."""
    scoring = data.get("scoring") if isinstance(data, dict) else None
    metrics = scoring.get("metrics") if isinstance(scoring, dict) else None
    if not isinstance(data, dict) or not isinstance(scoring, dict) or not isinstance(metrics, list):
        return data
    known = set(ScoredMetric.__struct_fields__)
    sorted_out = [
        {key: table[key] for key in table if key in known}
        | {"options": table.get("options", {}) | {k: table[k] for k in table if k not in known}}
        if isinstance(table, dict) and isinstance(table.get("options", {}), dict)
        else table
        for table in metrics
    ]
    return data | {"scoring": scoring | {"metrics": sorted_out}}
