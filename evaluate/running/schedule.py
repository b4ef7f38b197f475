"""Whose turn it is: teams take turns case by case, so that a drifting machine hits all alike."""

from collections.abc import Sequence

import numpy as np

__all__ = ["turns"]


def turns(teams: Sequence[str], cases: Sequence[str], *, seed: int) -> list[tuple[str, str]]:
    """The order of all runs.

    Cases come in a seeded order; within each case the teams come in a seeded order of its own.
    The order of a case depends on the seed and the case alone, so that it stays the same when a
    run is taken up again or a team is added.

    Returns:
        (team, case), every combination once.
    """
    generator = np.random.default_rng([seed, 0])
    order = []
    for index in generator.permutation(len(cases)):
        ranks = np.random.default_rng([seed, 1, int(index)]).permutation(len(teams))
        order += [(sorted(teams)[rank], sorted(cases)[index]) for rank in ranks]
    return order
