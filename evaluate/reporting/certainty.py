"""How sure the places are: what ranking.json says of resamples and tests.

The report computes no statistic of its own; what is absent is said to be absent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluate.facts.ranking_record import RankingDocument


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
