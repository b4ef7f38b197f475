"""A coarser grid for large objects, there and back, so that time does not grow with the image."""

import numpy as np


def _along(axis: int, values: np.ndarray, axes: int) -> np.ndarray:
    return values.reshape([-1 if other == axis else 1 for other in range(axes)])


def coarse_steps(shape: tuple[int, ...], most_pixels: int) -> tuple[int, ...]:
    """How many pixels become one along each axis, the longest axes first.

    A volume of few thick slices so keeps its slices.
    """
    steps = [1] * len(shape)
    while True:
        sizes = [-(-size // step) for size, step in zip(shape, steps, strict=True)]
        if np.prod(sizes) <= most_pixels:
            return tuple(steps)
        steps[int(np.argmax(sizes))] += 1


def block_means(image: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    """Means over blocks of pixels.

    Args:
        image: float, at least as many axes as steps.
        steps: the block's size along the first axes; the last block may be cut.

    Returns:
        float64, the first axes shortened.
    """
    for axis, step in enumerate(steps):
        size = image.shape[axis]
        starts = np.arange(0, size, step)
        lengths = np.minimum(starts + step, size) - starts
        image = np.add.reduceat(image, starts, axis=axis) / _along(axis, lengths, image.ndim)
    return image


def refined(values: np.ndarray, steps: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Bring values on the coarse grid back to the fine one, linearly between block centres.

    Args:
        values: float, on the grid of `block_means`.
        steps: as there.
        shape: of the fine grid.

    Returns:
        float64, of the shape.
    """
    for axis, (step, size) in enumerate(zip(steps, shape, strict=True)):
        if step == 1:
            continue
        places = np.clip((np.arange(size) + 0.5) / step - 0.5, 0, values.shape[axis] - 1)
        low = places.astype(np.intp)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        share = _along(axis, places - low, values.ndim)
        values = values.take(low, axis) * (1 - share) + values.take(high, axis) * share
    return values
