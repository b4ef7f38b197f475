"""What a protocol says of a metric: its settings, its gate, and what an empty mask costs."""

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
Label = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_Rule: TypeAlias = float | Literal["worst", "diagonal", "skip", "undefined", "computed"]


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
    labels: tuple[Label, ...] | Literal["any", "whole"]
    metrics: tuple[str, ...] | None = None
    in_case_mean: bool | tuple[str, ...] = True
    window: Literal["whole", "reference_slices", "reference_slices_below_highest"] = "whole"
    needs: tuple[Label, ...] = ()
    options: dict[str, dict[str, bool | int | float | str]] = {}
    empty: dict[str, EmptyChoice] = {}


def metric_named(name: str) -> "MetricDef | None":
    """A metric of the registry; None if there is none of that name."""
    from metrics import METRICS

    return METRICS.get(name)
