"""Small cases with a known object, and where the participants are, and what makes them whole."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

REPOSITORY = Path(__file__).parents[2]
PARTICIPANTS = REPOSITORY / "participants"
KIT = PARTICIPANTS / "kit"

Arrays = dict[str, npt.NDArray[np.generic]]
Answers = dict[str, npt.NDArray[np.generic]]
Run = Callable[..., Answers]
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


def volume_case() -> tuple[Arrays, npt.NDArray[np.uint8]]:
    """Three slices with a cylinder on all of them and a square on the last one alone."""
    rows, columns = np.ogrid[:60, :90]
    labels = np.zeros((3, 60, 90), dtype=np.uint8)
    labels[:, (rows - 20) ** 2 + (columns - 25) ** 2 < 14**2] = 1
    labels[2, 30:59, 60:90] = 2
    noise = np.random.default_rng(3).normal(0, 12, labels.shape)
    image = np.clip(60 + 100 * (labels > 0) + noise, 0, 255).astype(np.uint8)
    boxes = np.array([[12, 7, 0, 38, 33, 2], [60, 30, 2, 89, 58, 2]])
    return {"imgs": image, "boxes": boxes, "spacing": np.array([1.0, 1.0, 3.0])}, labels


def contract_cases() -> dict[str, Arrays]:
    """A grey image, one in colour, and a volume."""
    grey, _ = disc_case((64, 80))
    return {
        "2DBox_US_grey.npz": grey,
        "2DBox_Fundus_colour.npz": {**grey, "imgs": grey["imgs"] * np.array([1, 0, 1], np.uint8)},
        "3DBox_CT_volume.npz": volume_case()[0],
    }


def objects_cases() -> dict[str, Arrays]:
    """Seven slices, wider than high, with three balls of which two overlap; one slice in colour."""
    z, y, x = np.ogrid[:7, :96, :150]
    image = np.random.default_rng(4).normal(60, 8, (7, 96, 150))
    boxes = []
    for centre, radius, brightness in [
        ((3, 40, 40), (3, 25, 20), 90),
        ((3, 48, 60), (2, 20, 18), 150),
        ((4, 60, 115), (2, 22, 28), 120),
    ]:
        ball = sum(
            ((grid - middle) / reach) ** 2
            for grid, middle, reach in zip((z, y, x), centre, radius, strict=True)
        )
        image[ball <= 1] = brightness
        low = [middle - reach for middle, reach in zip(centre, radius, strict=True)][::-1]
        high = [middle + reach for middle, reach in zip(centre, radius, strict=True)][::-1]
        boxes.append(low + high)
    volume = {
        "imgs": np.clip(image, 0, 255).astype(np.uint8),
        "boxes": np.array(boxes),
        "spacing": np.array([0.8, 0.8, 2.5]),
    }
    colour = {
        "imgs": np.repeat(volume["imgs"][3][:, :, None], 3, axis=2),
        "boxes": volume["boxes"][:, [0, 1, 3, 4]],
    }
    return {"3DBox_MR_balls.npz": volume, "2DBox_Fundus_slice.npz": colour}
