"""How places move when the cases are drawn again: intervals, chances, agreement."""

import base64
import zlib
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from evaluate.facts.ranking_record import MetricInterval, PlaceCertainty, ResamplesDrawn, TauSummary
from evaluate.pairing import LEVEL, Counts, percentile_interval
from evaluate.ranking.agreement import tau_b
from evaluate.ranking.methods import MetricCases, once
from evaluate.ranking.result import by_team, plain, rank_value
from evaluate.ranking.score_table import Floats


def certainty_of(teams: Sequence[str], places: Floats, actual: Floats) -> PlaceCertainty:
    """What the replicates say of each team's place.

    Places are (teams, replicates); replicates with a nan have no ranking and are left out.

    Returns:
        Intervals of places, the chance of the best place (shared ones count for every team that
        shares it), how often each place was taken, and Kendall's tau-b with the actual places.
    """
    defined = ~np.isnan(places).any(axis=0)
    kept = places[:, defined]
    if not kept.shape[1]:
        return PlaceCertainty(undefined_replicates=int(places.shape[1]))
    edges = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    # Attained places, not interpolated ones: an interval from 1 to 2.5 would name no place.
    low, high = np.quantile(kept, edges, axis=1, method="inverted_cdf")
    taken, position = np.unique(kept, return_inverse=True)
    position = position.reshape(kept.shape)
    counts = [np.bincount(row, minlength=len(taken)) for row in position]
    return PlaceCertainty(
        rank_interval={
            team: (rank_value(low[i]), rank_value(high[i])) for i, team in enumerate(teams)
        },
        p_first=by_team(teams, (kept == kept.min(axis=0)).mean(axis=1)),
        rank_counts={
            team: {
                str(rank_value(place)): int(n)
                for place, n in zip(taken, counts[i], strict=True)
                if n
            }
            for i, team in enumerate(teams)
        },
        tau=_tau_summary(tau_b(kept, actual)),
        undefined_replicates=int((~defined).sum()),
    )


def chances(teams: Sequence[str], places: Floats) -> dict[str, dict[str, float | None]]:
    """By team and other team, the share of replicates in which the first has the better place."""
    kept = places[:, ~np.isnan(places).any(axis=0)]
    return {
        team: {
            other: plain((kept[a] < kept[b]).mean()) if kept.size else None
            for b, other in enumerate(teams)
            if b != a
        }
        for a, team in enumerate(teams)
    }


def draws_of(cases: Sequence[str], counts: Counts) -> ResamplesDrawn:
    """The draws themselves, small enough for a JSON file, so that anyone can repeat them."""
    data = np.ascontiguousarray(counts.T, dtype="<u2").tobytes()
    return ResamplesDrawn(
        cases=tuple(cases),
        encoding="base64 of zlib of little-endian uint16, replicates by cases, row by row",
        counts=base64.b64encode(zlib.compress(data, level=1)).decode("ascii"),
    )


def _tau_summary(tau: Floats) -> TauSummary:
    """Quartiles, and each value with how often it was there, for a drawing of the distribution."""
    defined = tau[~np.isnan(tau)]
    values, counts = np.unique(np.round(defined, 9), return_counts=True)
    q25, median, q75 = np.quantile(defined, (0.25, 0.5, 0.75)) if defined.size else [np.nan] * 3
    return TauSummary(
        n=int(defined.size),
        undefined=int(tau.size - defined.size),
        values=tuple((plain(v), int(n)) for v, n in zip(values, counts, strict=True)),
        mean=plain(defined.mean()) if defined.size else None,
        median=plain(median),
        q25=plain(q25),
        q75=plain(q75),
    )


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
