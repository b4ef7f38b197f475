"""What a metric is: its name, its direction, what it says of empty masks, and how it is computed.

All that anyone needs to know of a metric stands in its definition: tables, prices of failures,
ranking and report read it from `metrics.METRICS`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from metrics.errors import MetricInputError
from metrics.label_pair import LabelPair

Rule: TypeAlias = float | Literal["worst", "diagonal", "skip", "undefined", "computed"]
"""What counts where a metric has nothing to compare: a number, the metric's worst value, the case's
diagonal in mm, nothing for this label (`skip`), nothing for the whole case (`undefined`), or what
the metric makes of an empty mask (`computed`: counts and volumes)."""

OptionValue: TypeAlias = bool | int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyRules:
    """What counts where a mask is empty, or where there is none.

    Attributes:
        both: neither map has the label.
        reference: only the prediction has it: a false alarm.
        prediction: only the reference has it: it was missed.
        failed: the case failed, and there is no prediction; `computed` takes it for an empty one.
    """

    both: Rule = "skip"
    reference: Rule = "worst"
    prediction: Rule = "worst"
    failed: Rule = "worst"

    def of(self, pair: LabelPair) -> Rule | None:
        """The rule for a label; None where both maps have it, or where it is computed anyway."""
        if pair.reference_voxels and pair.prediction_voxels:
            return None
        if pair.reference_voxels:
            rule = self.prediction
        else:
            rule = self.reference if pair.prediction_voxels else self.both
        return None if rule == "computed" else rule


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricOption:
    """A setting of a metric that a protocol may choose.

    Attributes:
        check: gives the value as it is used, or raises `MetricInputError` or `ValueError`.
        default: where the protocol says nothing; None where it must.
        unit: of the value; empty for a bare number.
    """

    check: Callable[[Any], OptionValue]
    default: OptionValue | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDef:
    """A quantity that a case is judged by.

    Attributes:
        name: the column of `case_scores.csv`.
        title: short, for a table's head.
        long_title: for a heading or an axis.
        definition: one sentence, so that a reader of a table knows which of several it is.
        direction: whether higher or lower values are better.
        worst: the value that no result can be worse than, infinite if there is none; `diagonal` of
            the case, for distances; `limit` for what a run measures, which is as bad as the
            protocol's limit is wide.
        unit: as it is printed; empty for a score from 0 to 1.
        is_signed: whether values may be below 0.
        empty: what counts without a mask to compare; a protocol may choose otherwise.
        options: settings, by name.
        compute: from a label that both maps have, with the options by name; None for what runs
            measure. Asked where a mask is empty only if the rules above say `computed`; nan where
            it is not defined.
    """

    name: str
    title: str
    long_title: str
    definition: str
    direction: Literal["higher", "lower"]
    worst: float | Literal["diagonal", "limit"]
    unit: str = ""
    is_signed: bool = False
    empty: EmptyRules = EmptyRules()
    options: Mapping[str, MetricOption] = field(default_factory=lambda: MappingProxyType({}))
    compute: Callable[..., float] | None = None

    @property
    def is_measured(self) -> bool:
        """Whether runs measure it, rather than masks being compared."""
        return self.compute is None

    @property
    def has_variants(self) -> bool:
        """Whether its name alone does not say which of several definitions in use a number is of.

        >>> from metrics import METRICS
        >>> METRICS["hd95"].has_variants, METRICS["dsc"].has_variants
        (True, False)
        """
        return any(
            option.default and isinstance(option.default, str) for option in self.options.values()
        )

    def checked(self, options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
        """All options with their values: those given, and the defaults of the others.

        Raises:
            ValueError: one is unknown, missing, or not of its kind.
        """
        unknown = sorted(options.keys() - self.options.keys())
        if unknown:
            known = ", ".join(self.options) or "none"
            raise ValueError(f"{', '.join(unknown)}, which {self.name} has not (it has {known})")
        values = {}
        for name, option in self.options.items():
            value = options.get(name, option.default)
            if value is None:
                raise ValueError(f"no {name}, which {self.name} needs")
            values[name] = option.check(value)
        return values

    def ruled(self, rule: Rule, *, diagonal_mm: float) -> float:
        """The value of a rule; nan where nothing counts.

        Args:
            rule: one of the rules above.
            diagonal_mm: of the case.
        """
        if rule == "worst":
            rule = "skip" if self.worst == "limit" else self.worst
        if rule == "diagonal":
            return diagonal_mm
        return math.nan if isinstance(rule, str) else float(rule)

    def value(self, pair: LabelPair, **options: OptionValue) -> float:
        """The metric of one label, by its own rules where a mask is empty.

        Args:
            pair: the label in both maps.
            options: checked ones.

        Returns:
            The value; a distance that is not defined is infinite, whatever else is not is nan.
        """
        rule = self.empty.of(pair)
        if rule is not None:
            return self.ruled(rule, diagonal_mm=math.inf)
        return self.computed(pair, **options)

    def computed(self, pair: LabelPair, **options: OptionValue) -> float:
        """The metric of one label, whatever its own rules say of empty masks.

        Args:
            pair: the label in both maps.
            options: checked ones.
        """
        if self.compute is None:
            raise ValueError(f"{self.name} is measured by a run, not computed from masks")
        return float(self.compute(pair, **options))


def choice(name: str, *values: OptionValue, default: OptionValue | None = None) -> MetricOption:
    """One of some values; the first where the protocol says nothing.

    Args:
        name: of the option.
        values: that it may have.
        default: if it is not the first.
    """

    def check(value: Any) -> OptionValue:
        if isinstance(value, bool) or value not in values:
            raise MetricInputError(
                argument=name, found=repr(value), expected=f"of {', '.join(map(str, values))}"
            )
        return values[values.index(value)]

    return MetricOption(check=check, default=values[0] if default is None else default)


def flag(name: str, *, default: bool) -> MetricOption:
    """True or false."""

    def check(value: Any) -> bool:
        if not isinstance(value, bool):
            raise MetricInputError(argument=name, found=repr(value), expected="true or false")
        return value

    return MetricOption(check=check, default=default)


def number(
    name: str, *, default: float, low: float = 0.0, high: float = math.inf, unit: str = ""
) -> MetricOption:
    """A number within bounds, both inclusive.

    Args:
        name: of the option.
        default: where the protocol says nothing; an infinite one is also what `worst` stands for.
        low: the least.
        high: the most.
        unit: of the number.
    """

    def check(value: Any) -> float:
        if math.isinf(default) and value in ("worst", default):
            return default
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            word = ', or "worst"' if math.isinf(default) else ""
            raise MetricInputError(
                argument=name,
                found=repr(value),
                expected=f"a number from {low:g} to {high:g}{word}",
            )
        return float(value)

    return MetricOption(check=check, default=default, unit=unit)


def words(name: str, read: Callable[[str], object]) -> MetricOption:
    """A text that says several things; none where the protocol says nothing.

    Args:
        name: of the option.
        read: what the text is; raises ValueError where it is nothing.
    """

    def check(value: Any) -> str:
        try:
            read(value)
        except (ValueError, AttributeError) as error:
            expected = 'labels, and pairs of them: "12+6 10"'
            raise MetricInputError(argument=name, found=repr(value), expected=expected) from error
        return str(value)

    return MetricOption(check=check, default="")


def length(name: str, *, default: float) -> MetricOption:
    """A length of 0 or more, in mm."""
    return number(name, default=default, unit="mm")
