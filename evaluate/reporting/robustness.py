"""How well the places hold: resamples, tests and other methods, read from ranking.json.

Every section is optional: what is absent or of another form gives nothing, never an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "ALL",
    "PairTests",
    "TauSpread",
    "pair_tests",
    "place_shares",
    "ranks_by_method",
    "tau_spreads",
]

ALL = "ALL"
"""The key of ranking.json for the cases of all modalities together."""

_METHODS = (
    "rank_then_mean",
    "rank_then_median",
    "mean_then_rank",
    "median_then_rank",
    "test_then_rank",
)
_ABSENT = (KeyError, IndexError, TypeError, ValueError, AttributeError, ZeroDivisionError)
Shares = dict[str, dict[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTests:
    """Tests of every ordered pair of teams in one metric.

    Attributes:
        cases: how many cases they rest on.
        p: adjusted p-value that the first team is better than the second; None where untested.
        alpha: a p-value of at most this is a win.
        adjustment: how the p-values were adjusted, as ranking.json names it.
    """

    cases: int
    p: dict[tuple[str, str], float | None]
    alpha: float
    adjustment: str

    def beats(self, first: str, second: str) -> bool:
        """Whether the first team is better by the test."""
        value = self.p.get((first, second))
        return value is not None and value <= self.alpha


@dataclass(frozen=True, slots=True, kw_only=True)
class TauSpread:
    """Kendall's tau between the ranking and those of the resamples.

    Attributes:
        method: by which was ranked; empty for the protocol's own scheme.
        metric: that was ranked by; empty for the protocol's own scheme.
        values: tau with the number of resamples that gave it.
        median: of them.
        undefined: resamples without a tau, since all teams were tied.
    """

    method: str
    metric: str
    values: tuple[tuple[float, int], ...]
    median: float
    undefined: int


def place_shares(
    ranking: Mapping[str, Any], teams: Sequence[str], metric: str = "", modality: str = ALL
) -> Shares:
    """By team and place, the share of the resamples; empty where they are not there.

    Args:
        ranking: ranking.json.
        teams: every one of them must be in it.
        metric: ranked alone, by the mean of its ranks; the protocol's own scheme if empty.
        modality: of a metric that is ranked alone.
    """
    try:
        part = ranking["bootstrap"]
        if metric:
            part = part["methods"]["rank_then_mean"][metric][modality]
        return {team: _as_shares(part["rank_counts"][team]) for team in teams}
    except _ABSENT:
        return {}


def _as_shares(counts: Mapping[str, int]) -> dict[int, float]:
    total = sum(counts.values())
    # An average-tie place such as 2.5 is drawn at the place that it is nearest to, upwards.
    shares: dict[int, float] = {}
    for place, count in counts.items():
        at = int(float(place) + 0.5)
        shares[at] = shares.get(at, 0.0) + count / total
    return shares


def pair_tests(
    ranking: Mapping[str, Any], teams: Sequence[str], metric: str, modality: str = ALL
) -> PairTests | None:
    """The Wilcoxon tests over the cases of a modality, or all; None where they are not there."""
    try:
        tests, settings = ranking["tests"]["wilcoxon"][metric][modality], ranking["settings"]
        adjusted = tests["p_adjusted"]
        pairs = [(a, b) for a in teams for b in teams if a != b]
        values = {(a, b): adjusted[a].get(b) for a, b in pairs}
        return PairTests(
            cases=int(tests["cases"]),
            p={pair: None if value is None else float(value) for pair, value in values.items()},
            alpha=float(settings["alpha"]),
            adjustment=str(settings["adjustment"]),
        )
    except _ABSENT:
        return None


def ranks_by_method(
    ranking: Mapping[str, Any], teams: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Each team's place under every method that has a place for all of them."""
    by_method = {}
    for method in _METHODS:
        try:
            ranks = ranking["sensitivity"]["methods"][method]["ranks"]
            by_method[method] = {team: float(ranks[team]) for team in teams}
        except _ABSENT:
            continue
    return by_method


def tau_spreads(ranking: Mapping[str, Any], metrics: Sequence[str]) -> list[TauSpread]:
    """Tau of the protocol's own scheme, then of every metric ranked alone by each method."""
    spreads = []
    for method, metric in [("", ""), *((way, name) for name in metrics for way in _METHODS)]:
        try:
            part = ranking["bootstrap"]
            tau = part["methods"][method][metric][ALL]["tau"] if method else part["tau"]
            values = tuple((float(value), int(count)) for value, count in tau["values"])
            if not values:
                continue
            spreads.append(
                TauSpread(
                    method=method,
                    metric=metric,
                    values=values,
                    median=float(tau["median"]),
                    undefined=int(tau["undefined"]),
                )
            )
        except _ABSENT:
            continue
    return spreads
