"""The inference of the challenge's baseline: 2D at once, 3D slice by slice from the middle."""

from functools import lru_cache

import numpy as np
import torch
from case_files import Case, answer_all, empty_labels
from model import LiteMedSAM
from resampling import resize_area, resized_shape

_SIDE = 256
"""Side in pixels of the square that the network sees."""

_WIDENED_BY = 3
"""Pixels of that square by which a mask's bounding box grows before it prompts the next slice."""

_KEPT_SLICES = 256
"""Embeddings kept for the next object, 4 MiB each."""


def _network_image(image: np.ndarray) -> np.ndarray:
    """An image as the network wants it: longest side 256, 0 to 1, padded right and bottom.

    Args:
        image: uint8, (H, W) or (H, W, 3).

    Returns:
        float64, (256, 256, 3).
    """
    small = resize_area(image, resized_shape(*image.shape[:2], _SIDE)).astype(np.float64)
    small = (small - small.min()) / max(small.max() - small.min(), 1e-8)
    if small.ndim == 2:
        small = np.repeat(small[:, :, None], 3, axis=2)
    square = np.zeros((_SIDE, _SIDE, 3))
    square[: small.shape[0], : small.shape[1]] = small
    return square


def _network_box(box: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A box of the image in the network's pixels, cut to whole ones as the baseline does."""
    return (box * (_SIDE / max(shape))).astype(np.int64)


def _mask(logits: torch.Tensor, shape: tuple[int, int]) -> np.ndarray:
    """Take the padding off the network's logits and bring them to the image's size.

    Args:
        logits: float32, (1, 1, 256, 256).
        shape: height and width of the image.

    Returns:
        bool, (H, W).
    """
    height, width = resized_shape(*shape, _SIDE)
    full = torch.nn.functional.interpolate(
        logits[..., :height, :width], size=shape, mode="bilinear", align_corners=False
    )
    return (torch.sigmoid(full)[0, 0] > 0.5).numpy()


def _box_around(mask: np.ndarray, label: int) -> np.ndarray | None:
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
    rows, columns = np.nonzero(resize_area(labelled, resized_shape(*mask.shape, _SIDE)))
    if rows.size == 0:
        return None
    return np.array(
        [
            max(0, columns.min() - _WIDENED_BY),
            max(0, rows.min() - _WIDENED_BY),
            min(_SIDE, columns.max() + _WIDENED_BY),
            min(_SIDE, rows.max() + _WIDENED_BY),
        ]
    )


def segment_image(model: LiteMedSAM, case: Case) -> np.ndarray:
    """One embedding, every box on it; later boxes overwrite earlier ones.

    Args:
        model: answers the boxes.
        case: a 2D image and its boxes.

    Returns:
        uint8 or uint16, (H, W).
    """
    labels = empty_labels(case)
    embedding = model.embed(_network_image(case.image))
    for label, box in enumerate(case.boxes, start=1):
        logits = model.logits(embedding, _network_box(box, case.shape))
        labels[_mask(logits, case.shape)] = label
    return labels


def segment_volume(model: LiteMedSAM, case: Case) -> np.ndarray:
    """Object by object, from the middle slice of its box to the last, then down to the first.

    The box prompts the middle slice. Every other slice is prompted by the mask of the slice before
    it, towards the middle, or by the box again where that mask is empty.

    Args:
        model: answers the boxes.
        case: a volume and its boxes.

    Returns:
        uint8 or uint16, (D, H, W).
    """
    labels = empty_labels(case)
    depth, *shape = case.shape

    @lru_cache(maxsize=_KEPT_SLICES)
    def embedding(z: int) -> torch.Tensor:
        return model.embed(_network_image(case.image[z]))

    for label, box in enumerate(case.boxes, start=1):
        z_min, z_max = max(0, int(box[2])), min(depth - 1, int(box[5]))
        z_middle = int((z_max - z_min) / 2 + z_min)
        whole_box = _network_box(box[[0, 1, 3, 4]], shape)
        masks: dict[int, np.ndarray] = {}
        upwards = [(z, z - 1) for z in range(z_middle, z_max + 1)]
        downwards = [(z, z + 1) for z in range(z_middle - 1, z_min - 1, -1)]
        for z, neighbour in upwards + downwards:
            before = masks.get(neighbour)
            prompt = None if before is None else _box_around(before, label)
            masks[z] = _mask(
                model.logits(embedding(z), whole_box if prompt is None else prompt), shape
            )
        for z, mask in masks.items():
            labels[z][mask] = label
    return labels


def main() -> None:
    """Load the model once, and answer every case with it."""
    model = LiteMedSAM()

    def segment(case: Case) -> np.ndarray:
        return (segment_image if case.axes == 2 else segment_volume)(model, case)

    answer_all(segment)


if __name__ == "__main__":
    main()
