"""Parts of an image that alone are scored: the reference's slices, or a box."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from metrics.label_extents import Box

_Any = TypeVar("_Any", bound=np.generic)


def reference_slices(
    reference: npt.NDArray[np.bool_], *, axis: int, inclusive: bool = True
) -> Box | None:
    """The slices from the reference's lowest to its highest along one axis.

    What is cut away counts as outside the image: surfaces close at the cut.

    Args:
        reference: bool, 2D or 3D.
        axis: across the slices.
        inclusive: whether the highest slice is among them; FLARE's scripts leave it out for tubes.

    Returns:
        A box to index both maps with; None where no slice is left.
    """
    others = tuple(i for i in range(reference.ndim) if i != axis)
    filled = np.flatnonzero(reference.any(axis=others))
    if not len(filled) or (not inclusive and filled[0] == filled[-1]):
        return None
    window = slice(int(filled[0]), int(filled[-1]) + int(inclusive))
    return (slice(None),) * axis + (window,) + (slice(None),) * (reference.ndim - axis - 1)


def cut_out(
    label_map: npt.NDArray[_Any], *, first: tuple[int, ...], size: tuple[int, ...]
) -> npt.NDArray[_Any]:
    """A part of a map that may reach out of it; outside it is background.

    Args:
        label_map: of any dtype.
        first: the part's first voxel along each axis; may be negative.
        size: its lengths.
    """
    part = np.zeros(size, dtype=label_map.dtype)
    source, target = [], []
    for start, length, whole in zip(first, size, label_map.shape, strict=True):
        low, high = max(start, 0), max(min(start + length, whole), max(start, 0))
        source.append(slice(low, high))
        target.append(slice(low - start, high - start))
    part[tuple(target)] = label_map[tuple(source)]
    return part
