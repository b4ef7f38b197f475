"""Connectedness of tubes: skeletons, centreline Dice, pieces and tunnels."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from metrics import kernel
from metrics.arguments import Mask
from metrics.spans import Spans

_Bytes: TypeAlias = npt.NDArray[np.uint8]


def skeleton(mask: Mask) -> Mask:
    """Thin a mask to lines one voxel wide.

    The skeleton is that of Lee, Kashyap and Chu (CVGIP 56(6), 1994), with the order of directions
    that Fiji and scikit-image (`skeletonize(mask, method="lee")`) share: voxel for voxel the same.
    Which of several equal skeletons it is depends on the order of the axes. A plate of four voxels
    is thinned away whole, there as here.

    Args:
        mask: bool, 2D or 3D.
    """
    thinned = np.zeros_like(mask)
    filled = [np.flatnonzero(mask.any(axis=_all_but(mask, axis))) for axis in range(mask.ndim)]
    if not len(filled[0]):
        return thinned
    box = tuple(slice(int(at[0]), int(at[-1]) + 1) for at in filled)
    inside = mask[box].astype(np.uint8, order="C")
    inside = np.pad(inside.reshape((1,) * (3 - mask.ndim) + inside.shape), 1)
    is_flat = mask.ndim == 2 or mask.shape[0] == 1
    kernel.thin(inside, directions=4 if is_flat else 6)
    thinned[box] = inside[1:-1, 1:-1, 1:-1].reshape(thinned[box].shape)
    return thinned


def _all_but(mask: Mask, axis: int) -> tuple[int, ...]:
    return tuple(i for i in range(mask.ndim) if i != axis)


def centreline_dice(reference: Mask, prediction: Mask) -> tuple[float, float]:
    """The two halves of clDice (Shit et al., CVPR 2021), whose harmonic mean it is.

    Args:
        reference: bool, 2D or 3D.
        prediction: bool, of the same shape.

    Returns:
        The share of the prediction's skeleton that lies in the reference, and the share of the
        reference's that lies in the prediction; nan for an empty skeleton.
    """
    shares = []
    for own, other in ((prediction, reference), (reference, prediction)):
        line = skeleton(own)
        voxels = int(np.count_nonzero(line))
        shares.append(int(np.count_nonzero(line & other)) / voxels if voxels else float("nan"))
    return shares[0], shares[1]


def harmonic_mean(precision: float, sensitivity: float) -> float:
    """The harmonic mean of two shares: 0 if both are; nan if one is."""
    both = precision + sensitivity
    return 2 * precision * sensitivity / both if both else both


def betti_numbers(mask: Mask) -> tuple[int, int, int]:
    """Pieces, tunnels and hollows of a mask as a union of closed voxels.

    Pieces are components that touch by faces, edges or corners, hollows those of the background by
    faces; tunnels (in 2D: holes) follow from the Euler characteristic.

    Args:
        mask: bool, 2D or 3D.

    Returns:
        The Betti numbers 0, 1 and 2 (2 is 0 in 2D).
    """
    box = [np.flatnonzero(mask.any(axis=_all_but(mask, axis))) for axis in range(mask.ndim)]
    if not len(box[0]):
        return 0, 0, 0
    inside = mask[tuple(slice(int(at[0]), int(at[-1]) + 1) for at in box)]
    pieces = len(Spans.of(inside).joined(26).boxes)
    outside = ~np.pad(inside, 1)
    hollows = len(Spans.of(outside).joined(6).boxes) - 1
    if mask.ndim == 2:
        return pieces, hollows, 0
    return pieces, pieces + hollows - euler_characteristic(inside), hollows


def euler_characteristic(mask: Mask) -> int:
    """Corners less edges plus faces less cubes of a mask as a union of closed voxels.

    Args:
        mask: bool, 2D or 3D; in 2D corners less edges plus squares.
    """
    padded = np.pad(mask, 1)
    total = 0
    for flat_axes in range(2**mask.ndim):
        cells, dimension = padded, mask.ndim
        for axis in range(mask.ndim):
            if flat_axes >> axis & 1:  # a cell between two voxels is there if either is
                before = (slice(None),) * axis + (slice(None, -1),)
                after = (slice(None),) * axis + (slice(1, None),)
                cells, dimension = cells[before] | cells[after], dimension - 1
        total += (-1) ** dimension * int(np.count_nonzero(cells))
    return total
