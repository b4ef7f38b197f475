"""How sure the places are: what ranking.json says of resamples and tests, read with tolerance.

The report computes no statistic of its own; what is absent is said to be absent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Certainty", "read_certainty", "tied_with_first"]


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


def read_certainty(ranking: dict[str, Any], teams: Sequence[str]) -> Certainty | None:
    """The bootstrap of ranking.json; None where it is not there for every team."""
    document = ranking.get("bootstrap")
    if not isinstance(document, dict) or "rank_interval" not in document:
        return None
    counts = document.get("rank_counts")
    try:
        intervals, first = document["rank_interval"], document["p_first"]
        return Certainty(
            replicates=int(document["replicates"]),
            intervals={t: (float(intervals[t][0]), float(intervals[t][1])) for t in teams},
            first={team: float(first[team]) for team in teams},
            shares={team: _shares(counts[team]) for team in teams} if counts else {},
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None


def _shares(counts: dict[str, int]) -> dict[float, float]:
    total = sum(counts.values())
    return {float(place): count / total for place, count in counts.items()}


def tied_with_first(ranking: dict[str, Any]) -> tuple[str, ...] | None:
    """The teams that the test of the mean ranks can not tell from the first, the first included.

    None where ranking.json has no such test.
    """
    try:
        tied = ranking["groups"]["overall"]["tied_with_first"]
    except (KeyError, TypeError):
        return None
    return tuple(map(str, tied)) if isinstance(tied, list) else None
