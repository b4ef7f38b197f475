"""Cases drawn again: how often each counts in every replicate, and the means that this gives."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Bools", "Counts", "Floats", "draw_counts", "resampled_means"]

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


def draw_counts(
    modalities: Sequence[slice], replicates: int, generator: np.random.Generator
) -> Counts:
    """Draw cases with replacement, in each modality as many as it has.

    The same draw serves both sides, and all teams, metrics and methods, so that replicates are
    paired: what is hard for both cancels out.

    Args:
        modalities: slices that together are all cases.
        replicates: how many times.
        generator: of the draws.

    Returns:
        How often each case was drawn, (cases, replicates).
    """
    parts = []
    for m in modalities:
        n = m.stop - m.start
        drawn = generator.integers(0, n, size=(replicates, n))
        drawn += np.arange(replicates)[:, np.newaxis] * n
        parts.append(np.bincount(drawn.ravel(), minlength=replicates * n).reshape(replicates, n))
    return np.ascontiguousarray(np.concatenate(parts, axis=1).T, dtype=np.int32)


def resampled_means(values: Floats, counts: Counts) -> Floats:
    """Means over the drawn cases.

    Args:
        values: (sides, cases), finite.
        counts: (cases, replicates).

    Returns:
        (sides, replicates), nan where none of the cases was drawn.
    """
    drawn = counts.astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(values @ drawn / drawn.sum(axis=0), dtype=np.float64)
