"""Whose turn it is: teams take turns case by case, so that a drifting machine hits all alike."""

from collections.abc import Sequence

import numpy as np

__all__ = ["turns"]


def turns(teams: Sequence[str], cases: Sequence[str], *, seed: int) -> list[tuple[str, str]]:
    """The order of all runs.

    Cases come in a seeded order; within each case the teams come in a seeded order of its own.
    The order depends on nothing else, so that it is the same when a run is taken up again.

    Returns:
        (team, case), every combination once.
    """
    teams, cases = sorted(teams), sorted(cases)
    order = []
    for index in np.random.default_rng([seed, 0]).permutation(len(cases)):
        ranks = np.random.default_rng([seed, 1, int(index)]).permutation(len(teams))
        order += [(teams[rank], cases[index]) for rank in ranks]
    return order
