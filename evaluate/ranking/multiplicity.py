"""p-values adjusted for how many tests there are."""

import numpy as np

from evaluate.ranking.score_table import Floats
from evaluate.ranking.settings import Adjustment


def adjusted(p: Floats, method: Adjustment) -> Floats:
    """Adjust along the first axis: Holm, Benjamini and Hochberg, or not at all.

    >>> adjusted(np.array([0.01, 0.04, 0.03]), "holm").tolist()
    [0.03, 0.06, 0.06]
    """
    if method == "none" or not len(p):
        return p
    tests = len(p)
    order = np.argsort(p, axis=0, kind="stable")
    rising = np.take_along_axis(p, order, axis=0)
    rank = np.arange(1, tests + 1).reshape(-1, *[1] * (p.ndim - 1))
    if method == "holm":
        stepped = np.maximum.accumulate((tests - rank + 1) * rising, axis=0)
    else:
        scaled = tests / rank * rising
        stepped = np.minimum.accumulate(scaled[::-1], axis=0)[::-1]
    result = np.empty_like(stepped)
    np.put_along_axis(result, order, np.minimum(stepped, 1.0), axis=0)
    return result
