"""The part of a challenge's rules that makes numbers of masks: labels, conventions, metrics."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:  # the metrics bring numpy and the kernel: not for a command that needs neither
    from metrics import EmptyRules, MetricDef

__all__ = [
    "MEASURED",
    "NOT_FOR_METRICS",
    "EmptyChoice",
    "Gate",
    "Name",
    "ScoredMetric",
    "Scoring",
    "Strict",
    "metric_named",
    "scoring_problem",
    "with_options",
]

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
_Rule: TypeAlias = float | Literal["worst", "diagonal", "skip", "undefined"]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a protocol: frozen, and an unknown key is an error."""


class EmptyChoice(Strict, frozen=True, kw_only=True):
    """What counts where a mask is empty or missing; None: what the metric's definition says.

    Attributes:
        both: neither map has the label.
        reference: only the prediction has it.
        prediction: only the reference has it.
        failed: the case failed.
    """

    both: _Rule | None = None
    reference: _Rule | None = None
    prediction: _Rule | None = None
    failed: _Rule | None = None


class Gate(Strict, frozen=True, kw_only=True):
    """A metric of a case is its worst value unless another one is above a threshold.

    Attributes:
        metric: the other one's name.
        above: the threshold, which itself is not enough.
    """

    metric: str
    above: float


class ScoredMetric(Strict, frozen=True, kw_only=True):
    """A metric that cases are scored by.

    Attributes:
        name: the column of case_scores.csv.
        metric: of the registry; None for the one of that name.
        empty: rules for empty masks.
        gate: what else a case needs.
        options: the metric's settings; in a file they stand beside the other keys.
    """

    name: Name
    metric: str | None = None
    empty: EmptyChoice = EmptyChoice()
    gate: Gate | None = None
    options: dict[str, bool | int | float | str] = {}

    @property
    def definition(self) -> "MetricDef":
        """The metric itself."""
        from metrics import METRICS

        return METRICS[self.metric or self.name]

    @property
    def rules(self) -> "EmptyRules":
        """The protocol's choices, and the definition's where it makes none."""
        from metrics import EmptyRules

        own, chosen = self.definition.empty, self.empty
        return EmptyRules(
            both=own.both if chosen.both is None else chosen.both,
            reference=own.reference if chosen.reference is None else chosen.reference,
            prediction=own.prediction if chosen.prediction is None else chosen.prediction,
            failed=own.failed if chosen.failed is None else chosen.failed,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """Every option with its value, checked."""
        return self.definition.checked(self.options)


class Scoring(Strict, frozen=True, kw_only=True):
    """How a mask becomes numbers.

    Attributes:
        metrics: what cases are scored by; columns of the tables, in this order.
        labels: `reference` scores the labels that the reference has; `union` also those that only
            the prediction has; `one_to_maximum` scores 1 to the reference's largest, gaps included,
            as the CVPR 2024 script.
        spacing_order: `array` uses the spacing in the array's axis order; `stored` applies the
            file's x, y, z to the array's z, y, x by index, as the CVPR 2024 script.
        two_d: `contour` compares outlines; `slab` a one-voxel-thick (H, W, 1) volume, whose faces
            are surface too, as the CVPR 2024 script.
        two_d_spacing: `case` uses a 2D case's spacing where it has one; `unit` always 1.
    """

    metrics: tuple[ScoredMetric, ...]
    labels: Literal["reference", "union", "one_to_maximum"] = "reference"
    spacing_order: Literal["array", "stored"] = "array"
    two_d: Literal["contour", "slab"] = "contour"
    two_d_spacing: Literal["case", "unit"] = "case"

    @property
    def names(self) -> tuple[str, ...]:
        """Of the metrics, in their order."""
        return tuple(metric.name for metric in self.metrics)

    def metric(self, name: str) -> ScoredMetric | None:
        """A metric by its name; None if this protocol does not compute it."""
        return next((metric for metric in self.metrics if metric.name == name), None)


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


def scoring_problem(scoring: Scoring) -> tuple[str, str, str] | None:
    """What is wrong with the metrics, if anything is: the key, what was found, what is expected."""
    from metrics import METRICS

    names = scoring.names
    if not names or len(set(names)) < len(names):
        return "scoring.metrics", f"{list(names)}", "at least one metric, each name once"
    for metric in scoring.metrics:
        where, base = f"scoring.metrics, {metric.name}", metric.metric or metric.name
        if base in MEASURED or base not in METRICS:
            known = ", ".join(name for name in METRICS if name not in MEASURED)
            return where, f"metric {base}, by which no mask is scored", f"one of {known}"
        if metric.name in METRICS and metric.name != base:
            return where, f"{base} under the name of another metric", "a name of its own"
        if metric.name in NOT_FOR_METRICS:
            return where, "the name of another column of the tables", "a name of its own"
        try:
            metric.definition.checked(metric.options)
        except ValueError as error:
            return where, str(error), "the metric's own options"
        if metric.gate is not None and metric.gate.metric not in set(names) - {metric.name}:
            expected = "another metric that this protocol computes"
            return f"{where}, gate.metric", metric.gate.metric, expected
    return None
