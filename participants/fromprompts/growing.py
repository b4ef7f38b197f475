"""Growing a region from voxels: near them, of like grey, and nearer than to what says otherwise."""

from collections.abc import Sequence

import numpy as np
from case_files import Case
from scipy import ndimage

_LIKE = 3.0
"""How many spreads of the grey around the start a voxel may differ."""
_LEAST_SPREAD = 8.0
_MANY = 8
"""Voxels that tell of what grey an object is, without those around them."""


def grown(
    case: Case, voxels: np.ndarray, others: Sequence[np.ndarray], *, reach_mm: float
) -> np.ndarray:
    """The region around some voxels.

    Args:
        case: the image.
        voxels: where it starts, (N, axes).
        others: voxels that say otherwise.
        reach_mm: how far it goes from where it starts; in pixels where there is no spacing.

    Returns:
        Booleans of the case's shape.
    """
    spacing = np.array(case.spacing_mm or (1.0,) * case.axes)
    reach = np.ceil(reach_mm / spacing).astype(int)
    low = np.maximum(voxels.min(axis=0) - reach, 0)
    high = np.minimum(voxels.max(axis=0) + reach + 1, case.shape)
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    grey = case.image[window].astype(np.float32)
    grey = grey.mean(axis=-1) if grey.ndim > case.axes else grey
    grey = ndimage.uniform_filter(grey, 3)
    start = np.zeros(grey.shape, bool)
    start[tuple((voxels - low).T)] = True
    around = grey[start if start.sum() > _MANY else ndimage.binary_dilation(start, iterations=2)]
    like = np.abs(grey - np.median(around)) <= _LIKE * max(float(around.std()), _LEAST_SPREAD) / 2
    distance = ndimage.distance_transform_edt(~start, sampling=spacing)
    like &= distance <= reach_mm
    away = np.zeros(grey.shape, bool)
    for other in others:
        inside = ((other >= low) & (other < high)).all(axis=1)
        away[tuple((other[inside] - low).T)] = True
    if away.any():
        like &= distance < ndimage.distance_transform_edt(~away, sampling=spacing)
    pieces, _ = ndimage.label(like | start)
    region = np.zeros(case.shape, bool)
    region[window] = np.isin(pieces, np.unique(pieces[start]))
    region[window] |= ndimage.binary_fill_holes(region[window])
    return region
