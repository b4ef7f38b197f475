"""LiteMedSAM's answers as the baseline gives them, in a fraction of the time (README.md)."""

from functools import partial

import numpy as np
from asked_boxes import boxed
from case_files import Case, answer_all
from geometry import SIDE
from network import SWITCHES, FastLiteMedSAM
from propagation import segment_image, segment_volume
from resampling import resized_shape


def _between(length: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two pixels of `length` around each of `size` new ones, and the share of the second.

    Centres on centres, borders repeated: what torch calls `align_corners=False`.
    """
    places = np.clip((np.arange(size) + 0.5) * (length / size) - 0.5, 0, None)
    first = np.minimum(places.astype(np.intp), length - 1)
    return first, np.minimum(first + 1, length - 1), (places - first).astype(np.float32)


def _mask(logits: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The network's logits, float32 (256, 256), to a bool mask of the image's size.

    Between logits that are not above 0 nothing is above 0 either, so only the rows and columns
    around the object are made larger.
    """
    height, width = resized_shape(*shape, SIDE)
    small = logits[:height, :width]
    mask = np.zeros(shape, dtype=bool)
    inside = small > 0
    if not inside.any():
        return mask
    parts = []
    for axis in (0, 1):
        first, second, share = _between(small.shape[axis], shape[axis])
        touched = inside.any(axis=1 - axis)
        near = np.flatnonzero(touched[first] | touched[second])
        part = slice(near[0], near[-1] + 1)
        parts.append((part, first[part], second[part], share[part]))
    (rows, above, below, share), (columns, left, right, across) = parts
    tall = small[above] * (1 - share[:, None]) + small[below] * share[:, None]
    mask[rows, columns] = tall[:, left] * (1 - across) + tall[:, right] * across > 0
    return mask


def segment(model: FastLiteMedSAM, case: Case) -> np.ndarray:
    """All boxes of a case, uint8 or uint16 of the case's shape."""

    def answer(embedding: np.ndarray, box: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return _mask(model.logits(embedding, box), shape)

    kept = 256 if SWITCHES["share_embeddings"] else 0
    way = segment_image if case.axes == 2 else partial(segment_volume, kept=kept)
    return way(model.embed, answer, case)


def answer_folder(model: FastLiteMedSAM) -> None:
    """Answer every case of the folder that the command line names."""
    answer_all(lambda case: segment(model, boxed(case)), pickled=True)
