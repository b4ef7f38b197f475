"""The baseline's geometry: images, boxes and masks in and out of the network's square."""

import numpy as np
from resampling import resize_area, resized_shape

SIDE = 256
"""Side in pixels of the square that the network sees."""

_WIDENED_BY = 3
"""Pixels of that square by which a mask's bounding box grows before it prompts the next slice."""


def network_image(image: np.ndarray) -> np.ndarray:
    """An image as the network wants it: longest side 256, 0 to 1, padded right and bottom.

    Args:
        image: uint8, (H, W) or (H, W, 3).

    Returns:
        float64, (256, 256, 3).
    """
    small = resize_area(image, resized_shape(*image.shape[:2], SIDE)).astype(np.float64)
    small = (small - small.min()) / max(small.max() - small.min(), 1e-8)
    if small.ndim == 2:
        small = np.repeat(small[:, :, None], 3, axis=2)
    square = np.zeros((SIDE, SIDE, 3))
    square[: small.shape[0], : small.shape[1]] = small
    return square


def network_box(box: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A box of the image in the network's pixels, cut to whole ones as the baseline does."""
    return (box * (SIDE / max(shape))).astype(np.int64)


def box_around(mask: np.ndarray, label: int) -> np.ndarray | None:
    """The next slice's prompt: the widened bounding box of this slice's mask.

    The baseline resizes the mask with the label's value in it and takes what rounds to more than
    0: a pixel at the mask's border that is half covered counts for label 1, one that is a tenth
    covered for label 5.

    Args:
        mask: bool, (H, W).
        label: the object's label.

    Returns:
        x_min, y_min, x_max, y_max in the network's pixels; None where nothing is left.
    """
    labelled = mask.astype(np.uint8) * np.uint8(min(label, 255))
    rows, columns = np.nonzero(resize_area(labelled, resized_shape(*mask.shape, SIDE)))
    if rows.size == 0:
        return None
    return np.array(
        [
            max(0, columns.min() - _WIDENED_BY),
            max(0, rows.min() - _WIDENED_BY),
            min(SIDE, columns.max() + _WIDENED_BY),
            min(SIDE, rows.max() + _WIDENED_BY),
        ]
    )


def slices_of(box: np.ndarray, depth: int) -> tuple[int, int, int]:
    """First, middle and last slice of a box of a volume, both ends cut to the volume."""
    z_min, z_max = max(0, int(box[2])), min(depth - 1, int(box[5]))
    return z_min, int((z_max - z_min) / 2 + z_min), z_max
