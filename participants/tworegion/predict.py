"""A classical segmentation of each box, on its own: two regions of colour, cleaned."""

import numpy as np
from case_files import Case, answer_all, empty_labels
from coarsening import block_means, coarse_steps, refined
from regions import ellipsoid_distance, object_probability
from scipy import ndimage

_SURROUNDINGS = 0.25
"""How far the background that is looked at reaches beyond the box, in sides of the box."""

_MOST_PIXELS = 100_000
"""Larger surroundings are worked on in a coarser grid."""

_LEAST_FILLED = 0.1
"""A mask that fills less of its box has lost the object; the ellipsoid in the box is the answer."""


def _colours(image: np.ndarray, axes: int) -> np.ndarray:
    """The image with an axis of channels at its end; one channel where the three are equal."""
    if image.ndim == axes:
        image = image[..., None]
    elif np.all(image == image[..., :1]):
        image = image[..., :1]
    return image.astype(np.float64)


def _cleaned(mask: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """The mask without specks and holes: its main part, and others that rival it.

    By the distance from the middle of the box: pixels near it count for more.
    """
    if min(mask.shape) > 8:
        mask = ndimage.binary_opening(mask)
    parts, _ = ndimage.label(mask)
    weights = np.bincount(parts.ravel(), weights=np.exp(-distance).ravel())
    weights[0] = 0
    kept = (weights > 0) & (weights >= 0.25 * weights.max())
    return ndimage.binary_fill_holes(kept[parts])


def _object_mask(image: np.ndarray, box: tuple[slice, ...]) -> np.ndarray:
    """Find the object in a box, a part of the uint8 image given; bool, of the box's shape."""
    shape = image.shape[: len(box)]
    steps = coarse_steps(shape, _MOST_PIXELS)
    coarse_box = tuple(
        slice(side.start // step, -(-side.stop // step))
        for side, step in zip(box, steps, strict=True)
    )
    colours = block_means(_colours(image, len(box)), steps)
    probability = refined(object_probability(colours, coarse_box), steps, shape)
    distance = ellipsoid_distance(shape, box)[box]
    mask = _cleaned(probability[box] > 0.5, distance)
    return mask if mask.mean() >= _LEAST_FILLED else distance <= 1


def segment(case: Case) -> np.ndarray:
    """Segment each box with its label; later boxes overwrite earlier ones.

    Args:
        case: the image and its boxes.

    Returns:
        uint8 or uint16, (H, W) or (D, H, W).
    """
    labels = empty_labels(case)
    for label, box in enumerate(case.boxes, start=1):
        inner = case.region(box)
        sides = [side.stop - side.start for side in inner]
        if min(sides) <= 0:
            continue
        outer = case.region(box, tuple(max(2, int(_SURROUNDINGS * side)) for side in sides))
        within = tuple(
            slice(part.start - whole.start, part.stop - whole.start)
            for part, whole in zip(inner, outer, strict=True)
        )
        labels[inner][_object_mask(case.image[outer], within)] = label
    return labels


if __name__ == "__main__":
    answer_all(segment)
