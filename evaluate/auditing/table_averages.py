"""Whether printed averages follow from the printed values that they stand beside.

All values are intervals of rounding, so that a right table is never called wrong. Which
aggregation was used is not told: the one that fits all lines is taken; if it fits all but a few,
far more often than by chance, those few are wrong.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from evaluate.auditing.printed import Printed

__all__ = ["AveragesVerdict", "Line", "judge_averages"]

_BY_CHANCE = 1e-4
"""An aggregation is the table's if so many lines would fit it by chance with less probability."""
_UNEVEN = 1.0
"""How uneven numbers of cases are expected to be, as their coefficient of variation: so far from
the plain mean a mean over cases would lie."""
_COARSE = 0.05
"""A line that fits by chance more often says nothing: lines share their numbers of cases, so that
many such lines are not as many witnesses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One average, and what it should be made from.

    Attributes:
        where: for a message.
        parts: the values that it is of.
        average: as it is printed.
    """

    where: str
    parts: tuple[Printed, ...]
    average: Printed


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragesVerdict:
    """How a set of averages is made.

    Attributes:
        fits: name of the aggregation; empty where none is sure.
        wrong: lines that do not follow, with what would.
        can_not_tell: lines that only unknown numbers of cases could explain.
    """

    fits: str
    wrong: tuple[tuple[Line, str], ...]
    can_not_tell: tuple[Line, ...]


def judge_averages(lines: Sequence[Line], counts: Sequence[float] | None) -> AveragesVerdict:
    """Find the aggregation of lines that have the same parts.

    Args:
        lines: with equally many parts each, in one order.
        counts: cases of each part, if the table says them.
    """
    ways: dict[str, Callable[[Line], tuple[float, float]]] = {"macro": _mean}
    if counts is not None and sum(counts) > 0:
        weights = np.array(counts) / sum(counts)
        ways["micro"] = lambda line: _mean(line, weights)
    ways["median"] = _median
    fitting = {name: [_fits(line, way(line)) for line in lines] for name, way in ways.items()}
    for name, fits in fitting.items():
        if all(fits):
            return AveragesVerdict(fits=name, wrong=(), can_not_tell=())
    best = max(fitting, key=lambda name: sum(fitting[name]))  # of equals, the first
    misfits = [line for line, fits in zip(lines, fitting[best], strict=True) if not fits]
    sure = _is_sure(lines, fitting[best], ways[best])
    if not sure and (counts is None) and _weights_exist(lines):
        return AveragesVerdict(fits="", wrong=(), can_not_tell=tuple(misfits))
    wrong = tuple((line, _said(line, best, ways)) for line in misfits)
    return AveragesVerdict(fits=best if sure else "", wrong=wrong, can_not_tell=())


def _mean(line: Line, weights: "np.ndarray | None" = None) -> tuple[float, float]:
    low, high = ([getattr(p, end) for p in line.parts] for end in ("low", "high"))
    return float(np.average(low, weights=weights)), float(np.average(high, weights=weights))


def _median(line: Line) -> tuple[float, float]:
    low, high = ([getattr(p, end) for p in line.parts] for end in ("low", "high"))
    return float(np.median(low)), float(np.median(high))


def _fits(line: Line, ends: tuple[float, float]) -> bool:
    slack = 1e-12 * max(1.0, abs(ends[1]))
    return ends[0] - slack <= line.average.high and ends[1] + slack >= line.average.low


def _is_sure(
    lines: Sequence[Line],
    fits: Sequence[bool],
    way: Callable[[Line], tuple[float, float]],
) -> bool:
    """Whether so many lines fit that it can't be chance, and only few do not."""
    misfits = len(fits) - sum(fits)
    if misfits > max(1, len(fits) // 4) or misfits > sum(fits):
        return False
    chance = 1.0
    for line, is_fit in zip(lines, fits, strict=True):
        if is_fit:
            ends, values = way(line), [p.value for p in line.parts]
            reach = _UNEVEN * float(np.std(values)) / math.sqrt(len(values))
            width = ends[1] - ends[0] + line.average.width
            # The density of a normal distribution at its middle.
            of_line = width / (2.5 * reach) if reach > 0 else 1.0
            chance *= of_line if of_line < _COARSE else 1.0
    return chance < _BY_CHANCE


def _weights_exist(lines: Sequence[Line]) -> bool:
    """Whether some numbers of cases would give all averages: a linear program."""
    low = np.array([[p.low for p in line.parts] for line in lines])
    high = np.array([[p.high for p in line.parts] for line in lines])
    above = np.array([line.average.high for line in lines])
    below = np.array([line.average.low for line in lines])
    scale = max(1.0, float(np.abs(high).max()))
    found = linprog(
        np.zeros(low.shape[1]),
        A_ub=np.vstack([low, -high]) / scale,
        b_ub=np.concatenate([above, -below]) / scale + 1e-9,
        A_eq=np.ones((1, low.shape[1])),
        b_eq=[1.0],
        bounds=(0, 1),
    )
    return bool(found.success)


def _said(line: Line, best: str, ways: dict[str, Callable[[Line], tuple[float, float]]]) -> str:
    others = [n for n, way in ways.items() if n != best and _fits(line, way(line))]
    parts = [f"{name} {_between(way(line), line.average)}" for name, way in ways.items()]
    words = ", ".join(parts)
    return f"{words}; it is the {others[0]}, unlike the others" if others else words


def _between(ends: tuple[float, float], average: Printed) -> str:
    low, high = map(average.as_printed, ends)
    return low if low == high else f"{low} to {high}"
