"""How sure the places are: what ranking.json says of its resamples, read with tolerance.

The report computes no statistic of its own; what is absent is said to be absent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Certainty", "read_certainty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """Places in the resamples of the cases.

    Attributes:
        replicates: how many resamples there were.
        intervals: by team, lowest and highest place in 95 % of them.
        first: by team, the share of them in which it came first.
        beats: by team and other team, the share of them in which the first is ahead.
    """

    replicates: int
    intervals: dict[str, tuple[float, float]]
    first: dict[str, float]
    beats: dict[str, dict[str, float]]


def read_certainty(ranking: dict[str, Any], teams: Sequence[str]) -> Certainty | None:
    """The bootstrap of ranking.json; None where it is not there for every team."""
    found = ranking.get("bootstrap")
    if not isinstance(found, dict):
        return None
    intervals, first = found.get("rank_interval"), found.get("p_first")
    if not isinstance(intervals, dict) or not isinstance(first, dict):
        return None
    try:
        return Certainty(
            replicates=int(found["replicates"]),
            intervals={
                team: (float(intervals[team][0]), float(intervals[team][1])) for team in teams
            },
            first={team: float(first[team]) for team in teams},
            beats=_beats(found.get("p_beats"), teams),
        )
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def _beats(found: object, teams: Sequence[str]) -> dict[str, dict[str, float]]:
    if not isinstance(found, dict):
        return {}
    return {
        team: {other: float(share) for other, share in found[team].items()}
        for team in teams
        if isinstance(found.get(team), dict)
    }
