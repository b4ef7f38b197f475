"""A printed number and what it can stand for: every value that rounds to its digits."""

import math
import re
from dataclasses import dataclass, replace

from data_manifest.foreign_numbers import is_missing

__all__ = ["Printed", "is_empty", "read_printed"]

_DECORATION = re.compile(r"\\textbf|\\underline|[*_†‡§{}$#≈~↑↓]|<[^>]{0,20}>")
_SPREAD = re.compile(r"±|\\pm|\+/-|\+-|(?<=\S)\s*[(\[]")
_UNIT = re.compile(r"\s*(%|st|nd|rd|th|s|sec|ms|min|mib|mb|gib|gb|mm)?\.?$", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")
_LARGEST = 1e15
"""No table prints more; sums of such numbers stay finite."""
_ROUNDING = 1e-9
"""Relative: what floating point adds to the edges of an interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A printed number.

    Attributes:
        text: as it is in the table, without decoration.
        value: what its digits say.
        low, high: the values that are rounded to these digits, both ends in it.
        is_percent: whether it has a percent sign.
        decimals: digits after the point.
        factor: what the printed digits were multiplied by since.
    """

    text: str
    value: float
    low: float
    high: float
    is_percent: bool
    decimals: int
    factor: float = 1.0

    def holds(self, low: float, high: float) -> bool:
        """Whether a value between these can be what is printed."""
        slack = 1e-12 * max(1.0, abs(high))
        return low - slack <= self.high and high + slack >= self.low

    def as_printed(self, value: float) -> str:
        """A value in the unit of the print, with a digit more."""
        return f"{value / self.factor:.{min(max(self.decimals, 0), 8) + 1}f}"

    def scaled(self, by: float) -> "Printed":
        """The same in another unit."""
        value, low, high = self.value * by, self.low * by, self.high * by
        return replace(
            self, value=value, low=low, high=high, is_percent=False, factor=self.factor * by
        )

    def with_top(self, top: float) -> "Printed":
        """A score whose printing may have been kept from a perfect one: 0.999 for 0.9997."""
        almost = math.isclose(self.value + self.high - self.low, top, rel_tol=1e-6)
        return replace(self, high=top) if almost else self


def is_empty(text: str) -> bool:
    """Whether a cell says that there is no value."""
    return is_missing(text) or text.strip().casefold() in ("/", "x", "✗")


def read_printed(text: str, *, comma_is_decimal: bool) -> Printed:
    """Read a number with its precision; a spread after it (±, brackets) is left.

    Args:
        text: of the cell.
        comma_is_decimal: what a comma means where the cell alone does not tell.

    Raises:
        ValueError: it begins with no number.

    >>> read_printed("**0.91 ± 0.02**", comma_is_decimal=False).value
    0.91
    >>> p = read_printed("91,3 %", comma_is_decimal=True)
    >>> (round(p.low, 6), round(p.high, 6), p.is_percent)
    (91.25, 91.35, True)
    """
    plain = _DECORATION.sub("", text).replace("\N{MINUS SIGN}", "-")
    plain = plain.replace("\N{NO-BREAK SPACE}", " ").strip()
    if re.fullmatch(r"\([^()]*\)|\[[^\[\]]*\]", plain):
        plain = plain[1:-1].strip()
    main = _UNIT.sub("", _SPREAD.split(plain, maxsplit=1)[0].strip())
    main = re.sub(r"(?<=\d)[ \N{NARROW NO-BREAK SPACE}'](?=\d{3}(\D|$))", "", main)
    if "," in main and "." in main:
        main = main.replace("," if main.rfind(".") > main.rfind(",") else ".", "")
    elif main.count(",") > 1 or (_THOUSANDS.fullmatch(main) and not comma_is_decimal):
        main = main.replace(",", "")
    main = main.replace(",", ".")
    if not _NUMBER.fullmatch(main):
        raise ValueError(f"{text.strip()[:40]!r} is no number")
    value = float(main)
    if abs(value) > _LARGEST:
        raise ValueError(f"{text.strip()[:40]!r} is larger than any table's number")
    mantissa, _, exponent = main.lower().partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
    half = 0.5 * 10.0**-decimals
    half += _ROUNDING * max(abs(value), half)
    return Printed(
        text=plain,
        value=value,
        low=value - half,
        high=value + half,
        is_percent="%" in plain,
        decimals=decimals,
    )
