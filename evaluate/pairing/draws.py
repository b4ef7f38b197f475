"""Cases drawn again: how often each counts in every replicate, and the means that this gives."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


def draw_counts(
    modalities: Sequence[slice],
    replicates: int,
    generator: "np.random.Generator",
    *,
    groups: Sequence[str] = (),
) -> Counts:
    """Draw cases with replacement, in each modality as many as it has; or groups, with all theirs.

    Groups are drawn among those that have cases in the same modalities, as many as there are. Cases
    of one patient resemble each other: drawn one by one they would seem to tell more than they do.

    The same draw serves both sides, and all teams, metrics and methods, so that replicates are
    paired: what is hard for both cancels out.

    Args:
        modalities: slices that together are all cases.
        replicates: how many times.
        generator: of the draws.
        groups: of each case, a case with an empty one being its own; none to draw cases.

    Returns:
        How often each case was drawn, (cases, replicates).
    """
    if groups:
        return _draw_groups(modalities, replicates, generator, groups)
    parts = []
    for m in modalities:
        n = m.stop - m.start
        drawn = generator.integers(0, n, size=(replicates, n))
        drawn += np.arange(replicates)[:, np.newaxis] * n
        parts.append(np.bincount(drawn.ravel(), minlength=replicates * n).reshape(replicates, n))
    return np.ascontiguousarray(np.concatenate(parts, axis=1).T, dtype=np.int32)


def _draw_groups(
    modalities: Sequence[slice],
    replicates: int,
    generator: "np.random.Generator",
    groups: Sequence[str],
) -> Counts:
    cases: dict[str | int, list[int]] = {}
    for case, group in enumerate(groups):
        cases.setdefault(group or case, []).append(case)
    strata: dict[tuple[int, ...], list[list[int]]] = {}
    for members in cases.values():
        inside = {
            n for n, m in enumerate(modalities) for case in members if m.start <= case < m.stop
        }
        strata.setdefault(tuple(sorted(inside)), []).append(members)
    counts = np.zeros((len(groups), replicates), dtype=np.int32)
    for _, alike in sorted(strata.items()):
        drawn = draw_counts([slice(0, len(alike))], replicates, generator)
        for members, times in zip(alike, drawn, strict=True):
            counts[members] = times
    return counts


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


def resampled_medians(values: Floats, counts: Counts) -> Floats:
    """Medians over the drawn cases, (replicates,).

    Args:
        values: (cases,), finite.
        counts: (cases, replicates), at least one of each replicate.
    """
    order = np.argsort(values)
    reached = counts[order].cumsum(axis=0)
    middles = ((reached <= at).sum(axis=0) for at in ((reached[-1] - 1) // 2, reached[-1] // 2))
    low, high = (values[order][rows] for rows in middles)
    return np.asarray((low + high) / 2, dtype=np.float64)
