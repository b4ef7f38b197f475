"""Clicks that are made before any answer, on an object and beside it, as autoPET IV's are.

After its `simulate_clicks.py` (lab-midas/autoPETCTIV): on a label's 26-connected components in a
random order, each in the middle; then on random voxels of their surfaces, in turn. Beside the
objects the same on the components of what is brightest there.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_manifest.prompts.kind import Hand, checked_labels

_BRIGHTEST = 99.75
"""Per cent of the voxels beside the objects that are no brighter than where clicks are."""

Voxels = npt.NDArray[np.int64]


def listed_clicks(
    labels: npt.NDArray[np.integer], hand: Hand
) -> tuple[list[int], npt.NDArray[np.int64]]:
    """One click on each label and one beside it for each of the hand's rounds.

    Args:
        labels: (H, W) or (D, H, W); the labels are 1..N without a gap.
        hand: whose image tells where it is bright; without one, clicks lie anywhere beside.

    Returns:
        The labels of the columns, each twice, and the clicks, (rounds, columns, 1 + axes): 1 for a
        voxel of the label or 0, and where.
    """
    beside = _bright(labels == 0, hand.image)
    wanted = checked_labels(labels)
    given = np.full((hand.rounds, 2 * len(wanted), 1 + labels.ndim), -1, dtype=np.int64)
    for at, label in enumerate(wanted):
        for column, where in ((2 * at, labels == label), (2 * at + 1, beside)):
            voxels = _in_turn(where, hand)
            given[: len(voxels), column, 0] = int(column % 2 == 0)
            given[: len(voxels), column, 1:] = voxels
    return [label for label in wanted for _ in range(2)], given


def _bright(
    beside: npt.NDArray[np.bool_], image: npt.NDArray[np.uint8] | None
) -> npt.NDArray[np.bool_]:
    if image is None or not beside.any():
        return beside
    grey = image if image.ndim == beside.ndim else image.mean(axis=-1)
    limit = np.percentile(grey[beside], _BRIGHTEST)
    bright: npt.NDArray[np.bool_] = beside & (grey > limit)
    return bright if bright.any() else beside & (grey >= limit)


def _in_turn(mask: npt.NDArray[np.bool_], hand: Hand) -> Voxels:
    """Voxels of a mask for all rounds, (rounds, axes); none where it is empty."""
    components, count = ndimage.label(mask, structure=np.ones((3,) * mask.ndim))
    if not count:
        return np.zeros((0, mask.ndim), np.int64)
    extents = ndimage.find_objects(components)
    chosen = hand.generator.permutation(count)[: hand.rounds].tolist()
    voxels, surfaces = [], []
    for number in chosen:
        extent = extents[number]
        inside = np.pad(components[extent] == number + 1, 1)
        depth = ndimage.distance_transform_edt(inside)
        low = np.array([side.start - 1 for side in extent])
        voxels.append(np.unravel_index(int(np.argmax(depth)), depth.shape) + low)
        surfaces.append(np.argwhere(depth == 1) + low)
    while len(voxels) < hand.rounds:
        surface = surfaces[(len(voxels) - len(chosen)) % len(chosen)]
        voxels.append(surface[hand.generator.integers(len(surface))])
    return np.array(voxels, dtype=np.int64)
