"""The inference of the challenge's baseline: 2D at once, 3D slice by slice from the middle."""

from functools import lru_cache

import numpy as np
import torch
from asked_boxes import boxed
from case_files import Case, answer_all, empty_labels
from geometry import SIDE, box_around, network_box, network_image, slices_of
from model import LiteMedSAM
from resampling import resized_shape

_KEPT_SLICES = 256
"""Embeddings kept for the next object, 4 MiB each."""


def _mask(logits: torch.Tensor, shape: tuple[int, int]) -> np.ndarray:
    """Take the padding off the network's logits and bring them to the image's size.

    Args:
        logits: float32, (1, 1, 256, 256).
        shape: height and width of the image.

    Returns:
        bool, (H, W).
    """
    height, width = resized_shape(*shape, SIDE)
    full = torch.nn.functional.interpolate(
        logits[..., :height, :width], size=shape, mode="bilinear", align_corners=False
    )
    return (torch.sigmoid(full)[0, 0] > 0.5).numpy()


def segment_image(model: LiteMedSAM, case: Case) -> np.ndarray:
    """One embedding, every box on it; later boxes overwrite earlier ones.

    Args:
        model: answers the boxes.
        case: a 2D image and its boxes.

    Returns:
        uint8 or uint16, (H, W).
    """
    labels = empty_labels(case)
    embedding = model.embed(network_image(case.image))
    for label, box in enumerate(case.boxes, start=1):
        logits = model.logits(embedding, network_box(box, case.shape))
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
        return model.embed(network_image(case.image[z]))

    for label, box in enumerate(case.boxes, start=1):
        z_min, z_middle, z_max = slices_of(box, depth)
        whole_box = network_box(box[[0, 1, 3, 4]], shape)
        masks: dict[int, np.ndarray] = {}
        upwards = [(z, z - 1) for z in range(z_middle, z_max + 1)]
        downwards = [(z, z + 1) for z in range(z_middle - 1, z_min - 1, -1)]
        for z, neighbour in upwards + downwards:
            before = masks.get(neighbour)
            prompt = None if before is None else box_around(before, label)
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
        case = boxed(case)
        return (segment_image if case.axes == 2 else segment_volume)(model, case)

    answer_all(segment, pickled=True)


if __name__ == "__main__":
    main()
