"""Detection of single objects: connected components that are found, missed or made up."""

import numpy as np
import numpy.typing as npt

from metrics.arguments import Mask

__all__ = ["detection_f1"]


def detection_f1(reference: Mask, prediction: Mask, *, min_iou: float) -> float:
    """The F1 score of the prediction's objects as detections of the reference's.

    An object is a component of voxels that touch, also at corners (8 neighbours in 2D, 26 in 3D).
    Objects of both masks are paired one to one, as many as can be, where their intersection over
    union is at least `min_iou` (Kirillov et al., Panoptic Segmentation, CVPR 2019, for 0.5).

    Args:
        reference: bool, 2D or 3D.
        prediction: bool, of the same shape.
        min_iou: above 0, to 1; inclusive.

    Returns:
        Twice the pairs over all objects of both masks; nan if there are none.
    """
    from scipy import ndimage, sparse  # slow to import, and only needed here

    touching = np.ones((3,) * reference.ndim)
    first, found = ndimage.label(reference, structure=touching)
    second, made = ndimage.label(prediction, structure=touching)
    if not found + made:
        return float("nan")
    both = reference & prediction
    pairs, shared = _pair_counts(first[both], second[both], made)
    sizes = np.bincount(first.ravel())[pairs[0]] + np.bincount(second.ravel())[pairs[1]]
    fits = shared >= min_iou * (sizes - shared)
    links = sparse.csr_array(
        (np.ones(np.count_nonzero(fits)), (pairs[0][fits], pairs[1][fits])),
        shape=(found + 1, made + 1),
    )
    matched = sparse.csgraph.maximum_bipartite_matching(links, perm_type="column")
    return float(2 * int(np.count_nonzero(matched >= 0)) / (found + made))


def _pair_counts(
    first: npt.NDArray[np.int32], second: npt.NDArray[np.int32], made: int
) -> tuple[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], npt.NDArray[np.int64]]:
    """The pairs of objects that share voxels, and how many each pair shares."""
    together, shared = np.unique(first.astype(np.int64) * (made + 1) + second, return_counts=True)
    return (together // (made + 1), together % (made + 1)), shared
