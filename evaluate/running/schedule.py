"""Whose turn it is: teams take turns case by case, so that a drifting machine hits all alike."""

from collections.abc import Sequence

import numpy as np

from evaluate.facts.turns import Turn

__all__ = ["turns"]


def turns(
    teams: Sequence[str], cases: Sequence[str], *, seed: int, rounds: int = 1
) -> list[list[Turn]]:
    """The order of all turns, block by block.

    A block is one case with all teams and all rounds: it stays on one machine, so that rivals
    always meet on the same hardware. Cases come in a seeded order; within each case the teams come
    in a seeded order of its own, each with its rounds one after another. The order depends on
    nothing else, so that it is the same when a run is taken up again.

    Returns:
        Blocks; together they have every combination once.
    """
    teams, cases = sorted(teams), sorted(cases)
    blocks = []
    for index in np.random.default_rng([seed, 0]).permutation(len(cases)):
        ranks = np.random.default_rng([seed, 1, int(index)]).permutation(len(teams))
        blocks.append(
            [
                Turn(team=teams[rank], case=cases[index], round=number)
                for rank in ranks
                for number in range(rounds)
            ]
        )
    return blocks
