"""LiteMedSAM's answers as the baseline gives them, in a fraction of the time (README.md)."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from case_files import Case, answer_all, empty_labels
from geometry import SIDE, box_around, network_box, network_image, slices_of
from network import SWITCHES, FastLiteMedSAM
from resampling import resized_shape

_AT_ONCE = 8 if SWITCHES["together"] else 1
"""Boxes in one call of the decoder; each takes 40 MiB while it is answered."""


def _between(length: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two pixels of `length` around each of `size` new ones, and the share of the second.

    Centres on centres, borders repeated: what torch calls `align_corners=False`.
    """
    places = np.clip((np.arange(size) + 0.5) * (length / size) - 0.5, 0, None)
    first = np.minimum(places.astype(np.intp), length - 1)
    return first, np.minimum(first + 1, length - 1), (places - first).astype(np.float32)


def _mask(logits: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Take the padding off the network's logits and bring them to the image's size.

    Between logits that are not above 0 nothing is above 0 either, so only the rows and columns
    around the object are made larger.

    Args:
        logits: float32, (256, 256).
        shape: height and width of the image.

    Returns:
        bool, (H, W).
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


class _Embeddings:
    """The embeddings of a volume's slices, each made when first asked for, dropped after its last.

    Args:
        uses: how often each slice will be asked for.
    """

    def __init__(self, model: FastLiteMedSAM, image: np.ndarray, uses: Counter[int]) -> None:
        self._model, self._image, self._uses = model, image, uses
        self._made: dict[int, np.ndarray] = {}

    def take(self, z: int) -> np.ndarray:
        """The embedding of slice z, float32, (4096, 256)."""
        if z in self._made:
            embedding = self._made[z]
        else:
            embedding = self._model.embed(network_image(self._image[z]))
        self._uses[z] -= 1
        if self._uses[z] > 0 and SWITCHES["share_embeddings"]:
            self._made[z] = embedding
        else:
            self._made.pop(z, None)
        return embedding


def _answers(
    model: FastLiteMedSAM,
    embeddings: list[np.ndarray],
    boxes: list[np.ndarray],
    shape: tuple[int, ...],
) -> Iterator[np.ndarray]:
    """A mask for each box on its embedding, `_AT_ONCE` boxes a call."""
    for start in range(0, len(boxes), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        for logits in model.logits(np.stack(embeddings[part]), np.stack(boxes[part])):
            yield _mask(logits, shape)


def segment_image(model: FastLiteMedSAM, case: Case) -> np.ndarray:
    """One embedding, every box on it; later boxes overwrite earlier ones.

    Args:
        model: answers the boxes.
        case: a 2D image and its boxes.

    Returns:
        uint8 or uint16, (H, W).
    """
    labels = empty_labels(case)
    embedding = model.embed(network_image(case.image))
    boxes = [network_box(box, case.shape) for box in case.boxes]
    masks = _answers(model, [embedding] * len(boxes), boxes, case.shape)
    for label, mask in enumerate(masks, start=1):
        labels[mask] = label
    return labels


def segment_volume(model: FastLiteMedSAM, case: Case) -> np.ndarray:
    """All objects at once: the middle slice of each box, then a slice up and a slice down, ….

    Each slice is prompted as by the baseline: by the mask of its neighbour towards the middle, or
    by the box where that mask is empty. Where objects overlap the later one wins, which is the
    larger label.

    Args:
        model: answers the boxes.
        case: a volume and its boxes.

    Returns:
        uint8 or uint16, (D, H, W).
    """
    labels = empty_labels(case)
    depth, *shape = case.shape
    ranges = [slices_of(box, depth) for box in case.boxes]
    uses = Counter(z for z_min, _, z_max in ranges for z in range(z_min, z_max + 1))
    embeddings = _Embeddings(model, case.image, uses)
    whole = [network_box(box[[0, 1, 3, 4]], tuple(shape)) for box in case.boxes]

    def answer(turns: list[tuple[int, int, np.ndarray | None]]) -> list[np.ndarray]:
        """Masks for (object, slice, mask of the neighbour), painted as they come."""
        prompts = []
        for number, _, before in turns:
            prompt = None if before is None else box_around(before, number + 1)
            prompts.append(whole[number] if prompt is None else prompt)
        masks = []
        for start in range(0, len(turns), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            taken = [embeddings.take(z) for _, z, _ in turns[part]]
            masks += _answers(model, taken, prompts[part], tuple(shape))
        for (number, z, _), mask in zip(turns, masks, strict=True):
            labels[z][mask] = np.maximum(labels[z][mask], number + 1)
        return masks

    objects = [number for number, (first, _, last) in enumerate(ranges) if first <= last]
    middles = answer([(number, ranges[number][1], None) for number in objects])
    fronts = [
        (number, ranges[number][1] + step, step, mask)
        for number, mask in zip(objects, middles, strict=True)
        for step in (1, -1)
    ]
    while fronts := [
        front for front in fronts if ranges[front[0]][0] <= front[1] <= ranges[front[0]][2]
    ]:
        masks = answer([(number, z, before) for number, z, _, before in fronts])
        fronts = [
            (number, z + step, step, mask)
            for (number, z, step, _), mask in zip(fronts, masks, strict=True)
        ]
    return labels


def main() -> None:
    """Start the model, and answer every case with it."""
    model = FastLiteMedSAM()

    def segment(case: Case) -> np.ndarray:
        return (segment_image if case.axes == 2 else segment_volume)(model, case)

    answer_all(segment)


if __name__ == "__main__":
    main()
