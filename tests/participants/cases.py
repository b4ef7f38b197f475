"""Small cases with a known object, and where the participants are, and what makes them whole."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

REPOSITORY = Path(__file__).parents[2]
PARTICIPANTS = REPOSITORY / "participants"
KIT = PARTICIPANTS / "kit"

Arrays = dict[str, npt.NDArray[np.generic]]
Run = Callable[..., dict[str, npt.NDArray[np.generic]]]
"""Of a participant's name, cases by file name, and lines of its switches.toml that are others."""


def disc_case(shape: tuple[int, ...], *, noise: float = 25) -> tuple[Arrays, npt.NDArray[np.bool_]]:
    """One bright ball in noise that fills most of the image, boxed tightly; and its mask."""
    grids = np.ogrid[tuple(slice(-1, 1, complex(0, size)) for size in shape)]
    mask = sum((grid - 0.05) ** 2 for grid in grids) < 0.5
    grey = 80 + 70 * mask + np.random.default_rng(7).normal(0, noise, shape)
    image = np.clip(grey, 0, 255).astype(np.uint8)
    indices = np.nonzero(mask)[::-1]
    box = [axis.min() for axis in indices] + [axis.max() for axis in indices]
    if len(shape) == 2:
        image = np.repeat(image[:, :, None], 3, axis=2)
    return {"imgs": image, "boxes": np.array([box], dtype=np.int64)}, mask


def dice_of(reference: npt.NDArray[np.bool_], prediction: npt.NDArray[np.bool_]) -> float:
    return float(2 * np.sum(reference & prediction) / (reference.sum() + prediction.sum()))
