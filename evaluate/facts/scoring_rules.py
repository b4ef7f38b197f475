"""The part of a challenge's rules that makes numbers of masks: labels, conventions, metrics."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:  # the metrics bring numpy and the kernel: not for a command that needs neither
    from metrics import EmptyRules, MetricDef, OptionValue

MEASURED = ("wall_s", "cpu_s", "peak_memory_mib")
"""The metrics that a run measures: columns of case_scores.csv whatever a protocol scores."""

NOT_FOR_METRICS = frozenset(
    (
        *("team", "case", "modality", "dimension", "outcome", "reason", "round", "label", "metric"),
        *("reference_voxels", "prediction_voxels", "failures", "cases", "rank", "mean_rank"),
    )
)
"""Other columns of the tables."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
_Label = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_Rule: TypeAlias = float | Literal["worst", "diagonal", "skip", "undefined", "computed"]
_Labels: TypeAlias = Literal[
    "reference", "union", "one_to_maximum", "prompted", "prompted_above_lowest"
]
_Statistic: TypeAlias = (
    Literal["mean", "sd", "min", "q25", "median", "q75", "max", "rmse", "sum"]
    | Literal["aggregated", "global", "balanced_accuracy"]
)


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a protocol: frozen, and an unknown key is an error."""


class EmptyChoice(Strict, frozen=True, kw_only=True):
    """What counts where a mask is empty or missing; None: what the metric's definition says.

    Attributes:
        both: neither map has the label.
        reference: only the prediction has it.
        prediction: only the reference has it.
        failed: the case failed.
        case: neither map has any label at all: of the case's value; None: that of its labels.
    """

    both: _Rule | None = None
    reference: _Rule | None = None
    prediction: _Rule | None = None
    failed: _Rule | None = None
    case: float | Literal["worst", "diagonal", "undefined"] | None = None


class Gate(Strict, frozen=True, kw_only=True):
    """A metric is its worst value unless another one reaches a threshold.

    Attributes:
        metric: the other one's name.
        above: the threshold, which itself is not enough; None where `at_least` says it.
        at_least: the threshold, which itself is enough.
        level: whether it is the case's mean that must reach it, or each label's own value.
    """

    metric: str
    above: float | None = None
    at_least: float | None = None
    level: Literal["case", "label"] = "case"

    @property
    def unmet(self) -> str:
        """What a value is that does not reach the threshold, in words."""
        of = "" if self.level == "case" else " of the same label"
        if self.above is not None:
            return f"not above {self.above:g}{of}"
        return f"below {self.at_least:g}{of}"

    def holds(self, value: float | None) -> bool:
        """Whether a value reaches the threshold; one that is undefined does not."""
        if value is None:
            return False
        return value > self.above if self.above is not None else value >= (self.at_least or 0.0)


class ScoredMetric(Strict, frozen=True, kw_only=True):
    """A metric that cases are scored by.

    Attributes:
        name: the column of case_scores.csv.
        metric: of the registry; None for the one of that name.
        empty: rules for empty masks.
        gate: what else a case needs.
        cases: which cases have it, by their text prompts: those of which objects are to be told
            apart (`instance`), or the others.
        options: the metric's settings; in a file they stand beside the other keys.
    """

    name: Name
    metric: str | None = None
    cases: Literal["all", "semantic", "instance"] = "all"
    empty: EmptyChoice = EmptyChoice()
    gate: Gate | None = None
    options: dict[str, bool | int | float | str] = {}

    @property
    def definition(self) -> "MetricDef":
        """The metric itself."""
        from metrics import METRICS

        return METRICS[self.metric or self.name]

    @property
    def known(self) -> "MetricDef | None":
        """The same; None if no mask is scored by it."""
        base = self.metric or self.name
        return None if base in MEASURED else metric_named(base)

    @property
    def rules(self) -> "EmptyRules":
        """The protocol's choices, and the definition's where it makes none."""
        return self.rules_of(None)

    def rules_of(self, region: "Region | None") -> "EmptyRules":
        """The region's choices, where it makes none the metric's, and then the definition's."""
        from metrics import EmptyRules

        own = EmptyChoice() if region is None else region.empty.get(self.name, EmptyChoice())

        def chosen(where: str) -> Any:
            choices = (getattr(choice, where) for choice in (own, self.empty))
            default = getattr(self.definition.empty, where)
            return next((choice for choice in choices if choice is not None), default)

        return EmptyRules(
            both=chosen("both"),
            reference=chosen("reference"),
            prediction=chosen("prediction"),
            failed=chosen("failed"),
        )

    @property
    def settings(self) -> "dict[str, OptionValue]":
        """Every option with its value, checked."""
        return self.settings_of(None)

    def settings_of(self, region: "Region | None") -> "dict[str, OptionValue]":
        """Every option with its value for a region, checked."""
        own = {} if region is None else region.options.get(self.name, {})
        return self.definition.checked(self.options | own)


class Region(Strict, frozen=True, kw_only=True):
    """Several labels as one, or one label by rules of its own.

    Attributes:
        name: what stands in the column `label`.
        labels: that make it up; `any` for all but background, `whole` for all but background and
            the fractions that `output.fractions` keeps apart.
        metrics: it is scored by; None for all of the protocol's.
        in_case_mean: whether it counts in the case's values, or stands for itself; a list says in
            those of which metrics.
        window: `reference_slices` compares the slices from the reference's lowest to its highest,
            where both maps have the region; `reference_slices_below_highest` leaves the highest
            out, as FLARE's scripts do for tubes. What is cut away counts as outside the image.
        needs: labels of which the prediction must have one, or the region counts as absent there.
        options: settings of its own, by metric.
        empty: rules of its own, by metric.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 +_.-]{0,63}$")]
    labels: tuple[_Label, ...] | Literal["any", "whole"]
    metrics: tuple[str, ...] | None = None
    in_case_mean: bool | tuple[str, ...] = True
    window: Literal["whole", "reference_slices", "reference_slices_below_highest"] = "whole"
    needs: tuple[_Label, ...] = ()
    options: dict[str, dict[str, bool | int | float | str]] = {}
    empty: dict[str, EmptyChoice] = {}


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
    labels: _Labels | tuple[_Label, ...] = "reference"
    regions: tuple[Region, ...] = ()
    cohort: tuple[Cohort, ...] = ()
    lesions: Name | None = None
    over_rounds: tuple[OverRounds, ...] = ()
    label_names: dict[str, str] = {}
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


def metric_named(name: str) -> "MetricDef | None":
    """A metric of the registry; None if there is none of that name."""
    from metrics import METRICS

    return METRICS.get(name)


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
