"""How well the cases pin down a team's mean and median."""

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from evaluate.facts.ranking_record import MetricInterval
from evaluate.pairing import LEVEL, percentile_interval
from evaluate.ranking.methods import MetricCases, once
from evaluate.ranking.plain import plain
from evaluate.ranking.score_table import Floats

FEW_CASES = 50
"""Below so many cases intervals are known to be too narrow."""


def metric_intervals(
    teams: Sequence[str], cases: MetricCases, resampled_medians: Floats
) -> dict[str, MetricInterval]:
    """By team: the mean with Student's interval, the median with the bootstrap's percentiles.

    Resampled medians are (teams, replicates).
    """
    values = cases.values[:, cases.usable]
    n = values.shape[1]
    half = np.full(len(teams), np.nan)
    if n > 1:
        half = stdtrit(n - 1, (1 + LEVEL) / 2) * values.std(axis=1, ddof=1) / np.sqrt(n)
    mean = cases.aggregate("mean_then_rank", once(len(cases.usable)))[:, 0]
    median = cases.aggregate("median_then_rank", once(len(cases.usable)))[:, 0]
    kept = resampled_medians[:, ~np.isnan(resampled_medians).any(axis=0)]
    low, high = np.full(len(teams), np.nan), np.full(len(teams), np.nan)
    if kept.shape[1]:
        low, high = percentile_interval(kept)
    return {
        team: MetricInterval(
            n=n,
            mean=plain(mean[i]),
            mean_low=plain(mean[i] - half[i]),
            mean_high=plain(mean[i] + half[i]),
            median=plain(median[i]),
            median_low=plain(low[i]),
            median_high=plain(high[i]),
        )
        for i, team in enumerate(teams)
    }


def group_warnings(groups: Sequence[str], resample: str) -> list[str]:
    """What a reader should know where several cases are of one group, such as a patient."""
    named = [group for group in groups if group]
    several = len(named) - len(set(named))
    if resample == "group" and not named:
        return ["resample = group, and no case has a group: cases were drawn one by one"]
    if not several:
        return []
    drawn = "whole groups" if resample == "group" else "single cases (`ranking.resample`)"
    return [
        f"{len(named)} cases are of {len(set(named))} groups: the bootstrap draws {drawn}, and the"
        " tests take the cases of a group as independent"
    ]


def case_count_warnings(modalities: dict[str, int]) -> list[str]:
    """What a reader should know about intervals over few cases."""
    few = [f"{name} ({n})" for name, n in modalities.items() if n < FEW_CASES]
    if not few:
        return []
    return [
        f"fewer than {FEW_CASES} cases in {', '.join(few)}: intervals there tend to be too narrow, "
        "those of medians most"
    ]
