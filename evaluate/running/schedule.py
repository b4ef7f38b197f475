"""Whose turn it is: teams take turns case by case, so that a drifting machine hits all alike."""

from collections.abc import Mapping, Sequence

import numpy as np

from evaluate.facts.turns import Turn


def turns(
    teams: Sequence[str], cases: Mapping[str, Sequence[int]], *, seed: int
) -> list[list[tuple[Turn, ...]]]:
    """The order of all turns, block by block.

    A block is one case with all teams and all rounds: it stays on one machine, so that rivals
    always meet on the same hardware. Cases come in a seeded order; within each case the teams come
    in a seeded order of its own, each with its rounds one after another. The order depends on
    nothing else, so that it is the same when a run is taken up again.

    Returns:
        Blocks, each with the rounds of one team after another; together they have every
        combination once.
    """
    teams, names = sorted(teams), sorted(cases)
    blocks = []
    for index in np.random.default_rng([seed, 0]).permutation(len(names)):
        ranks = np.random.default_rng([seed, 1, int(index)]).permutation(len(teams))
        blocks.append(
            [
                tuple(
                    Turn(team=teams[rank], case=names[index], round=number)
                    for number in cases[names[index]]
                )
                for rank in ranks
            ]
        )
    return blocks
