"""SVG by small parts: elements with all text escaped, and axes with round ticks."""

import math
from dataclasses import dataclass

from markupsafe import Markup, escape


def number(value: float) -> str:
    """A coordinate, to a hundredth of a unit and without idle zeros.

    >>> number(3.0), number(2.567), number(-0.001)
    ('3', '2.57', '0')
    """
    digits = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if digits in ("-0", "") else digits


def element(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """One SVG element.

    Args:
        name: of the element; ours, never a stranger's.
        children: text, which is escaped, or `Markup` from this function.
        attributes: `_` stands for `-`, a trailing one is dropped (`class_`); None leaves it out.
    """
    parts = []
    for key, value in attributes.items():
        if value is not None:
            shown = number(value) if isinstance(value, (int, float)) else value
            parts.append(f' {key.rstrip("_").replace("_", "-")}="{escape(shown)}"')
    inside = "".join(escape(child) for child in children)
    return Markup(f"<{name}{''.join(parts)}>{inside}</{name}>")  # noqa: S704  # escaped above


def text(x: float, y: float, content: str, class_: str, anchor: str = "start") -> Markup:
    """A line of text; `anchor` is `start`, `middle` or `end`."""
    return element("text", content, x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def circle(x: float, y: float, radius: float, class_: str) -> Markup:
    """A circle by its centre."""
    return element("circle", cx=x, cy=y, r=radius, class_=class_)


def drawing(
    *children: Markup, name: str, title: str, description: str, width: float, height: float
) -> Markup:
    """A whole picture that a screen reader announces by its title and description.

    The name is unique on the page: the ids of title and description come from it.
    """
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        *children,
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        class_=f"chart {name}",
        aria_labelledby=f"{name}-title {name}-desc",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A linear or logarithmic map from values to coordinates."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """The coordinate of a value; one that is off the axis is put at its end."""
        low, high = self.low, self.high
        value = min(max(value, low), high)
        if self.is_log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int) -> list[float]:
        """Round values on the axis, about `most` of them at most."""
        if self.is_log:
            for steps in ((1, 2, 5), (1, 3), (1,)):
                numbers = self._log_ticks(steps)
                if len(numbers) <= most:
                    return numbers
            return numbers[:: math.ceil(len(numbers) / most)]
        step = _round_step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(i * step, 10) for i in range(first, last + 1)]

    def _log_ticks(self, steps: tuple[int, ...]) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        values = [step * 10.0**decade for decade in decades for step in steps]
        return [v for v in values if self.low * 0.999 <= v <= self.high * 1.001]

    @classmethod
    def around(
        cls, values: list[float], *, start: float, end: float, is_log: bool, is_score: bool
    ) -> "Axis":
        """An axis that holds all values, with round ends; a score's axis ends at 1."""
        low, high = min(values), max(values)
        if is_log:
            low, high = max(low, 1e-3), max(high, 2e-3)
            return cls(
                low=_round_down(low), high=_round_up(high), start=start, end=end, is_log=True
            )
        if is_score:
            low = max(0.0, math.floor(min(low, 0.9) * 10 - 1e-9) / 10)
            return cls(low=low, high=1.0, start=start, end=end)
        return cls(low=low, high=high if high > low else low + 1, start=start, end=end)


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * 0.999)


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return max(f * power for f in (0.5, 1, 2, 5) if f * power <= value * 0.98 or f == 0.5)


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return min(f * power for f in (1, 2, 5, 10, 20) if f * power >= value * 1.02)
