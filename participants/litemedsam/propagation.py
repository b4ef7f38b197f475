"""The baseline's way through a case: 2D at once, 3D slice by slice from the middle."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from case_files import Case, empty_labels
from geometry import box_around, network_box, network_image, slices_of

Embed = Callable[[np.ndarray], Any]
"""Encodes an image, float, (256, 256, 3), 0 to 1."""
Answer = Callable[[Any, np.ndarray, tuple[int, ...]], np.ndarray]
"""From an embedding, a box in the network's pixels and the image's (H, W): the mask, bool."""


def segment_image(embed: Embed, answer: Answer, case: Case) -> np.ndarray:
    """One embedding, every box on it; later boxes overwrite earlier ones.

    Args:
        embed: encodes an image of the network.
        answer: gives a box its mask.
        case: a 2D image and its boxes.

    Returns:
        uint8 or uint16, (H, W).
    """
    labels = empty_labels(case)
    embedding = embed(network_image(case.image))
    for label, box in enumerate(case.boxes, start=1):
        labels[answer(embedding, network_box(box, case.shape), case.shape)] = label
    return labels


def segment_volume(embed: Embed, answer: Answer, case: Case, *, kept: int = 256) -> np.ndarray:
    """Object by object, from the middle slice of its box to the last, then down to the first.

    The box prompts the middle slice. Every other slice is prompted by the mask of the slice before
    it, towards the middle, or by the box again where that mask is empty.

    Args:
        embed: encodes an image of the network.
        answer: gives a box its mask.
        case: a volume and its boxes.
        kept: embeddings that are kept for the next object, 4 MiB each.

    Returns:
        uint8 or uint16, (D, H, W).
    """
    labels = empty_labels(case)
    depth, *shape = case.shape

    @lru_cache(maxsize=kept)
    def embedding(z: int) -> Any:
        return embed(network_image(case.image[z]))

    for label, box in enumerate(case.boxes, start=1):
        z_min, z_middle, z_max = slices_of(box, depth)
        whole_box = network_box(box[[0, 1, 3, 4]], shape)
        masks: dict[int, np.ndarray] = {}
        upwards = [(z, z - 1) for z in range(z_middle, z_max + 1)]
        downwards = [(z, z + 1) for z in range(z_middle - 1, z_min - 1, -1)]
        for z, neighbour in upwards + downwards:
            before = masks.get(neighbour)
            prompt = None if before is None else box_around(before, label)
            box_here = whole_box if prompt is None else prompt
            masks[z] = answer(embedding(z), box_here, tuple(shape))
        for z, mask in masks.items():
            labels[z][mask] = label
    return labels
