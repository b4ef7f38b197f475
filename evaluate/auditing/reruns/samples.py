"""Which cases are run again: all, or a sample in which every modality has its share."""

from collections.abc import Sequence

import numpy as np

from data_manifest.manifest import Case


def sample_cases(cases: Sequence[Case], size: int | None, *, seed: int) -> list[Case]:
    """Draw cases without replacement, stratified by modality.

    Each modality gets its share of the sample by largest remainders, and at least one case as long
    as the sample is large enough for that.

    Returns:
        The sample, sorted by name.
    """
    if size is None or size >= len(cases):
        return sorted(cases, key=lambda case: case.id)
    strata: dict[str, list[Case]] = {}
    for case in sorted(cases, key=lambda case: case.id):
        strata.setdefault(case.modality, []).append(case)
    names = sorted(strata, key=lambda name: (-len(strata[name]), name))
    taken = {name: int(index < size) for index, name in enumerate(names)}
    while sum(taken.values()) < size:
        # Who is furthest below its share is next; a stratum that is used up is not asked.
        open_ = [name for name in names if taken[name] < len(strata[name])]
        lack = {name: size * len(strata[name]) / len(cases) - taken[name] for name in open_}
        taken[max(open_, key=lambda name: lack[name])] += 1
    drawn = []
    for index, name in enumerate(sorted(strata)):
        order = np.random.default_rng([seed, index]).permutation(len(strata[name]))
        drawn += [strata[name][position] for position in order[: taken[name]]]
    return sorted(drawn, key=lambda case: case.id)
