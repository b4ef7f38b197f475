"""How sure a number over cases is: its percentile interval over resampled cases, all at once."""

import functools
import warnings
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from evaluate.facts.aggregates import aggregate_of, summed_columns
from evaluate.pairing import draw_counts

Floats: TypeAlias = npt.NDArray[np.float64]
Draws: TypeAlias = npt.NDArray[np.integer]

_SAMPLES = 1000
_SEED = 20_210
"""Resamples are the same in every run and for every team: a table made again is the same table."""


@functools.lru_cache(maxsize=8)  # every number of the same cases has the same resamples
def drawn_cases(groups: tuple[str, ...]) -> Draws:
    """Which rows each resample has, (samples, rows): cases, or whole groups such as patients.

    Args:
        groups: of each row; an empty one is a row of its own.

    Returns:
        Indices; where a resample has fewer rows than another, one that is no row's.
    """
    cases, grouped = len(groups), groups if any(groups) else ()
    generator = np.random.default_rng(_SEED)
    counts = draw_counts([slice(0, cases)], _SAMPLES, generator, groups=grouped)
    drawn = np.full((_SAMPLES, int(counts.sum(axis=0).max())), cases)
    for sample, count in zip(drawn, counts.T, strict=True):
        rows = np.repeat(np.arange(cases), count)
        sample[: len(rows)] = rows
    return drawn


def _of(column: Floats, draws: Draws) -> Floats:
    """The values of each resample, nan where it has no more rows."""
    return np.append(column, np.nan)[draws]


def bounds(samples: Floats | None) -> tuple[float | None, float | None]:
    """The 2.5th and 97.5th percentile of the samples that have a value; None without any."""
    known = samples[np.isfinite(samples)] if samples is not None else np.empty(0)
    if not known.size:
        return None, None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def sampled(metric: str, statistic: str, columns: Mapping[str, Floats], draws: Draws) -> Floats:
    """A statistic of every resample, (samples,), nan where it is not defined.

    Args:
        metric: whose.
        statistic: a name of `Cohort.statistics`.
        columns: by name, (rows,).
        draws: (samples, rows).
    """
    if statistic == "global":
        both = _of(columns["reference_voxels"] + columns["prediction_voxels"], draws)
        shared = np.nansum(_of(columns["dsc"], draws) * both, axis=1)
        return _ratio(shared, np.nansum(both, axis=1))
    if statistic == "balanced_accuracy":
        return _balanced(*(_of(columns[name], draws) for name in summed_columns(metric)))
    if statistic != "aggregated":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a resample without any value is nan
            return _statistic(statistic, _of(columns[metric], draws))
    ratio = aggregate_of(metric)
    if ratio is not None:
        return ratio.of({n: np.nansum(_of(columns[n], draws), axis=1) for n in ratio.columns})
    pairs = columns[summed_columns(metric)[0]]
    sums = np.where(pairs > 0, pairs * columns[metric], 0.0)
    return _ratio(np.nansum(_of(sums, draws), axis=1), np.nansum(_of(pairs, draws), axis=1))


def sampled_by_set(
    metric: str, statistic: str, columns: Mapping[str, Floats], draws: Draws, sets: Sequence[str]
) -> Floats:
    """The same of each data set, and then the mean over the sets that a resample has."""
    names = np.array(sets)
    of_sets = [
        sampled(
            metric,
            statistic,
            {n: np.where(names == s, c, np.nan) for n, c in columns.items()},
            draws,
        )
        for s in dict.fromkeys(sets)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean: Floats = np.nanmean(of_sets, axis=0)
    return mean


def _balanced(true: Floats, predicted: Floats, match: Floats | None = None) -> Floats:
    """The mean recall over the variants that a resample's references have."""
    right = (true == predicted) & (True if match is None else match == 1)
    shares = [
        _ratio(np.sum(right & (true == variant), axis=1), np.sum(true == variant, axis=1))
        for variant in np.unique(true[~np.isnan(true)])
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean: Floats = np.nanmean(shares, axis=0)
    return mean


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Floats = np.where(below == 0, np.nan, above / below)
    return value


def _statistic(name: str, values: Floats) -> Floats:
    """Of each row, of what it has."""
    whole = not np.isnan(values).any()
    percentile = np.percentile if whole else np.nanpercentile
    match name:
        case "mean":
            value = np.nanmean(values, axis=1)
        case "sd":
            value = np.nanstd(values, axis=1, ddof=1)
        case "min" | "max":
            value = (np.nanmin if name == "min" else np.nanmax)(values, axis=1)
        case "q25" | "median" | "q75":
            value = percentile(values, {"q25": 25, "median": 50, "q75": 75}[name], axis=1)
        case "rmse":
            value = np.sqrt(np.nanmean(values**2, axis=1))
        case _:
            value = np.nansum(values, axis=1)
    return np.asarray(value, dtype=np.float64)
