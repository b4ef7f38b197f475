"""A scribble in each label's largest error on one slice, as autoPET V's interactive track has it.

After the description of its test (leaieaie/autoPETV, interactive/): the error of a label is what is
missing of it, and what is too much; of each the largest 8-connected piece of any slice; the larger
of the two pieces, what is missing on a tie, gets a scribble by the strategy of the case.
"""

import random
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data_manifest.prompts.scribbles import BACKGROUND
from data_manifest.prompts.strokes import STRATEGIES, largest_piece

_SEED = 42


def strategy_of(case: str, strategies: Sequence[str]) -> str:
    """The strategy of a case: the same for all teams and rounds, each for as many cases.

    >>> strategy_of("any", ["boundary"])
    'boundary'
    """
    return strategies[zlib.crc32(case.encode()) % len(strategies)]


def error_scribbles(
    reference: npt.NDArray[np.integer],
    prediction: npt.NDArray[np.integer],
    labels: Sequence[int],
    *,
    strategy: str,
) -> npt.NDArray[np.int64]:
    """The next scribbles, one a label.

    A voxel of them says what the reference has there. Slices are seen with x before y, as the
    challenge's arrays have them.

    Args:
        reference: integer labels, (D, H, W).
        prediction: the same shape.
        labels: which labels get one, where they have an error.
        strategy: a name of `STRATEGIES`.

    Returns:
        Of the same shape: 0, a label, or `BACKGROUND`.
    """
    if reference.ndim != 3 or reference.shape != prediction.shape:
        raise ValueError(
            f"shapes {reference.shape} and {prediction.shape}; expected (D, H, W), the same twice"
        )
    marks = np.zeros(reference.shape, np.int64)
    turned = marks.transpose(0, 2, 1)
    truth, answer = reference.transpose(0, 2, 1), prediction.transpose(0, 2, 1)
    for label in labels:
        here, said = truth == label, answer == label
        pieces = [piece for piece in map(largest_piece, (here & ~said, said & ~here)) if piece]
        if not pieces:
            continue
        at, piece = max(pieces, key=lambda one: np.count_nonzero(one[1]))
        pixels = STRATEGIES[strategy](piece, random.Random(_SEED))  # noqa: S311
        where = (at, pixels[:, 0], pixels[:, 1])
        there = truth[where].astype(np.int64)
        turned[where] = np.where(there == 0, BACKGROUND, there)
    return marks
