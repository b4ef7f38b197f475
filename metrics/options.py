"""Settings of metrics: what a protocol may choose, checked once."""

import math
from collections.abc import Callable
from typing import Any

from metrics.definition import MetricOption, OptionValue
from metrics.errors import MetricInputError


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
