"""How well the places hold: resamples, tests and other methods, read from ranking.json.

Every section is optional: what is absent gives nothing, never an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluate.facts.ranking_record import PlaceCertainty, RankingDocument, ResampledPlaces
from evaluate.ranking.methods import METHODS

ALL = "ALL"
"""The key of ranking.json for the cases of all modalities together."""

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
    ranking: RankingDocument, teams: Sequence[str], metric: str = "", modality: str = ALL
) -> Shares:
    """By team and place, the share of the resamples; empty where they are not there.

    Every team must be in ranking.json. A metric is ranked alone, by the mean of its ranks; without
    one, the protocol's own scheme holds.
    """
    places: ResampledPlaces | PlaceCertainty | None = ranking.bootstrap or None
    if metric and ranking.bootstrap:
        methods = ranking.bootstrap.methods or {}
        places = methods.get("rank_then_mean", {}).get(metric, {}).get(modality)
    counts = (places.rank_counts if places else None) or {}
    return {t: _as_shares(counts[t]) for t in teams} if set(teams) <= counts.keys() else {}


def _as_shares(counts: Mapping[str, int]) -> dict[int, float]:
    total = sum(counts.values())
    # An average-tie place such as 2.5 is drawn at the place that it is nearest to, upwards.
    shares: dict[int, float] = {}
    for place, count in counts.items():
        at = int(float(place) + 0.5)
        shares[at] = shares.get(at, 0.0) + count / total
    return shares


def pair_tests(
    ranking: RankingDocument, teams: Sequence[str], metric: str, modality: str = ALL
) -> PairTests | None:
    """The Wilcoxon tests over the cases of a modality, or all; None where they are not there."""
    tests, settings = ranking.tests, ranking.settings
    known = tests.wilcoxon.get(metric, {}).get(modality) if tests else None
    if known is None or not settings or not set(teams) <= known.p_adjusted.keys():
        return None
    return PairTests(
        cases=known.cases,
        p={(a, b): known.p_adjusted[a].get(b) for a in teams for b in teams if a != b},
        alpha=settings.alpha,
        adjustment=settings.adjustment,
    )


def ranks_by_method(ranking: RankingDocument, teams: Sequence[str]) -> dict[str, dict[str, float]]:
    """Each team's place under every method that has a place for all of them."""
    methods = ranking.sensitivity.methods if ranking.sensitivity else {}
    by_method: dict[str, dict[str, float]] = {}
    for method in METHODS:
        ranks = methods[method].ranks if method in methods else {}
        known = {team: float(rank) for team in teams if (rank := ranks.get(team)) is not None}
        if len(known) == len(teams):
            by_method[method] = known
    return by_method


def tau_spreads(ranking: RankingDocument, metrics: Sequence[str]) -> list[TauSpread]:
    """Tau of the protocol's own scheme, then of every metric ranked alone by each method."""
    places = ranking.bootstrap or None
    if places is None:
        return []
    methods = places.methods or {}
    alone = [(way, name) for name in metrics for way in METHODS]
    parts = [methods.get(way, {}).get(name, {}).get(ALL) for way, name in alone]
    return [
        TauSpread(
            method=method,
            metric=metric,
            values=tuple((value, count) for value, count in tau.values if value is not None),
            median=tau.median,
            undefined=tau.undefined,
        )
        for (method, metric), part in zip([("", ""), *alone], [places, *parts], strict=True)
        if part is not None and (tau := part.tau) and tau.median is not None
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """Places in the resamples of the cases.

    Attributes:
        replicates: how many resamples there were.
        intervals: by team, lowest and highest place in 95 % of them.
        first: by team, the share of them in which it came first.
        shares: by team and place, the share of them in which it took that place.
    """

    replicates: int
    intervals: dict[str, tuple[float, float]]
    first: dict[str, float]
    shares: dict[str, dict[float, float]]


def read_certainty(ranking: RankingDocument, teams: Sequence[str]) -> Certainty | None:
    """The bootstrap of ranking.json; None where it is not there for every team."""
    places = ranking.bootstrap or None
    if places is None or not places.rank_interval or not places.p_first:
        return None
    first, counts = places.p_first, places.rank_counts or {}
    intervals = {t: (low, high) for t, (low, high) in places.rank_interval.items()}
    shown = {t: first.get(t) for t in teams}
    if not set(teams) <= intervals.keys() or None in shown.values():
        return None
    return Certainty(
        replicates=places.replicates,
        intervals={t: (float(intervals[t][0] or 0), float(intervals[t][1] or 0)) for t in teams},
        first={team: share for team, share in shown.items() if share is not None},
        shares={team: _shares(counts[team]) for team in teams if team in counts},
    )


def _shares(counts: dict[str, int]) -> dict[float, float]:
    total = sum(counts.values())
    return {float(place): count / total for place, count in counts.items()}


def tied_with_first(ranking: RankingDocument) -> tuple[str, ...] | None:
    """The teams that the test of the mean ranks can not tell from the first, the first included.

    None where ranking.json has no such test.
    """
    return ranking.groups.overall.tied_with_first if ranking.groups else None
