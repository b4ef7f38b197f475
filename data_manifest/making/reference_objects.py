"""Which objects and slices a case keeps: the organisers' filters, for who wants them.

Neither is applied unless it is asked for: they change what is judged.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

MIN_VOXELS = 100
MIN_PIXELS = 10


def remove_small_objects(
    labels: npt.NDArray[np.integer],
    *,
    min_voxels: int = MIN_VOXELS,
    min_pixels: int = MIN_PIXELS,
) -> npt.NDArray[np.integer]:
    """Remove the connected pieces of every label that are too small to be judged.

    In 3D first the pieces (26-connected) of less than `min_voxels` voxels, then in every slice
    the pieces (8-connected) of less than `min_pixels` pixels; in 2D the latter alone.

    Args:
        labels: integer, (H, W) or (D, H, W), 0 is background.
        min_voxels: in 3D.
        min_pixels: in a slice.

    Returns:
        A label map of the same shape and dtype; labels may be missing from it.
    """
    kept = labels.copy()
    for number, extent in enumerate(ndimage.find_objects(labels), start=1):
        if extent is None:
            continue
        piece = kept[extent]  # a view: what is cleared here is cleared in `kept`
        mask = piece == number
        if labels.ndim == 3:
            mask = _without_small(mask, min_voxels)
            mask = np.stack([_without_small(plane, min_pixels) for plane in mask])
        else:
            mask = _without_small(mask, min_pixels)
        piece[(piece == number) & ~mask] = 0
    return kept


def _without_small(mask: npt.NDArray[np.bool_], least: int) -> npt.NDArray[np.bool_]:
    pieces, _ = ndimage.label(mask, structure=np.ones((3,) * mask.ndim))
    large = np.bincount(pieces.ravel()) >= least
    large[0] = False
    return np.asarray(large[pieces], dtype=np.bool_)


def foreground_slices(labels: npt.NDArray[np.integer]) -> slice:
    """The slices of a volume from the first to the last that holds a label.

    Slices without one in between are kept: without them the volume's geometry would be false.

    Raises:
        ValueError: no label at all.
    """
    filled = np.flatnonzero(labels.reshape(labels.shape[0], -1).any(axis=1))
    if filled.size == 0:
        raise ValueError("no label above 0 in the volume")
    return slice(int(filled[0]), int(filled[-1]) + 1)
