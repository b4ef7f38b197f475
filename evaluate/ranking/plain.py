"""Numbers for strict JSON: no nan, whole ranks as integers, keys by team."""

from collections.abc import Iterable, Sequence

import numpy as np


def plain(value: float) -> float | None:
    """A number, or None where it is not defined."""
    return float(value) if np.isfinite(value) else None


def rank_value(value: float) -> float | None:
    """A rank: an integer where it is one (shared ranks may be halves), None if not defined."""
    if not np.isfinite(value):
        return None
    return int(value) if value == int(value) else float(value)


def by_team(teams: Sequence[str], values: Iterable[float]) -> dict[str, float | None]:
    """One number a team."""
    return {team: plain(value) for team, value in zip(teams, values, strict=True)}
