"""How alike rankings are, and the one ranking that stands for several."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluate.ranking.places import rank_columns
from evaluate.ranking.score_table import Floats

_EXACT_UP_TO = 14
"""Teams up to which every order is considered (2 to the 14th subsets)."""


def tau_b(places: Floats, reference: Floats) -> Floats:
    """Kendall's tau-b of each column with one ranking; nan where either is all tied.

    Args:
        places: (teams, rankings).
        reference: (teams,).
    """
    first, second = np.triu_indices(len(reference), k=1)
    halves = places.astype(np.float32)  # places are whole or half: exact, and half the memory
    signs = np.sign(halves[first] - halves[second])
    fixed = np.sign(reference[first] - reference[second]).astype(np.float32)
    with np.errstate(invalid="ignore"):
        untied = np.count_nonzero(signs, axis=0) * float(np.count_nonzero(fixed))
        tau: Floats = (fixed @ signs) / np.where(untied > 0, np.sqrt(untied), np.nan)
    return np.clip(tau, -1.0, 1.0)


def euclidean(places: Floats) -> Floats:
    """Mean place over tasks, ties within a task at their average.

    Args:
        places: (teams, tasks).
    """
    shared = rank_columns(places, higher_is_better=False, ties="average")
    mean: Floats = shared.mean(axis=1)
    return mean


def borda(places: Floats) -> Floats:
    """Places by the number of teams that each team leaves behind, summed over tasks.

    A tie leaves neither behind; equal sums share their average place. As challengeR.

    Args:
        places: (teams, tasks).
    """
    behind = (places[:, np.newaxis] < places[np.newaxis]).sum(axis=(1, 2), dtype=np.float64)
    return rank_columns(behind[:, np.newaxis], higher_is_better=True, ties="average")[:, 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kemeny:
    """The order of teams with the fewest contradictions to the tasks' rankings.

    Attributes:
        order: indices of teams, best first; of several best orders, the first by team index.
        distance: symmetric difference to all tasks: 2 for a pair in the other order, 1 for a pair
            that is tied in a task.
        optima: how many orders are as good; None where that was not counted.
        exact: whether the order is surely a best one.
    """

    order: tuple[int, ...]
    distance: int
    optima: int | None
    exact: bool


def kemeny(places: Floats) -> Kemeny:
    """Kemeny's consensus order: exact up to 14 teams, by local search from Borda's order above.

    Args:
        places: (teams, tasks).
    """
    # cost[a, b]: what placing a before b costs.
    better = (places[:, np.newaxis] < places[np.newaxis]).sum(axis=2)
    tied = (places[:, np.newaxis] == places[np.newaxis]).sum(axis=2)
    np.fill_diagonal(tied, 0)
    cost = 2 * better.T + tied
    if len(places) <= _EXACT_UP_TO:
        return _exact_kemeny(cost)
    order = _improved(cost, np.argsort(borda(places), kind="stable").tolist())
    distance = sum(int(cost[a, order[i + 1 :]].sum()) for i, a in enumerate(order))
    return Kemeny(order=tuple(order), distance=distance, optima=None, exact=False)


def _exact_kemeny(cost: npt.NDArray[np.int64]) -> Kemeny:
    """The best order of every set of teams from those of the sets with one team less.

    A set is a whole number: bit b is set if team b is in it.
    """
    teams = len(cost)
    ahead = np.zeros((teams, 1 << teams), dtype=np.int64)  # of placing a team before a set
    for b in range(teams):
        ahead[:, 1 << b : 2 << b] = ahead[:, : 1 << b] + cost[:, b, np.newaxis]
    costs = ahead.tolist()
    best, ways, leader = [0] * (1 << teams), [1] * (1 << teams), [0] * (1 << teams)
    for members in range(1, 1 << teams):
        options = [
            (best[rest] + costs[a][rest], a, ways[rest])
            for a in range(teams)
            if members >> a & 1
            for rest in (members ^ (1 << a),)
        ]
        best[members], leader[members], _ = min(options)
        ways[members] = sum(n for total, _, n in options if total == best[members])
    order, left = [], (1 << teams) - 1
    distance, optima = best[left], ways[left]
    while left:
        order.append(leader[left])
        left ^= 1 << leader[left]
    return Kemeny(order=tuple(order), distance=distance, optima=optima, exact=True)


def _improved(cost: npt.NDArray[np.int64], order: list[int]) -> list[int]:
    """Move single teams for as long as that contradicts the tasks less."""
    moved = True
    while moved:
        moved = False
        for team in list(order):
            others = [other for other in order if other != team]
            before = np.concatenate([[0], np.cumsum(cost[others, team])])
            after = np.concatenate([np.cumsum(cost[team, others][::-1])[::-1], [0]])
            total = before + after
            if total.min() < total[order.index(team)]:
                others.insert(int(total.argmin()), team)
                order, moved = others, True
    return order
