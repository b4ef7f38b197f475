"""The inference of the challenge's baseline, with its published network in torch."""

from functools import partial

import numpy as np
import torch
from asked_boxes import boxed
from case_files import Case, answer_all
from geometry import SIDE
from model import LiteMedSAM
from propagation import segment_image, segment_volume
from resampling import resized_shape

KEPT = 256
"""Embeddings of slices that are kept for a volume's next object; the challenge's own script keeps
none, so that each object embeds its slices again."""


def _mask(logits: torch.Tensor, shape: tuple[int, int]) -> np.ndarray:
    """The network's logits, float32 (1, 1, 256, 256), to a bool mask of the image's size."""
    height, width = resized_shape(*shape, SIDE)
    full = torch.nn.functional.interpolate(
        logits[..., :height, :width], size=shape, mode="bilinear", align_corners=False
    )
    return (torch.sigmoid(full)[0, 0] > 0.5).numpy()


def segment(model: LiteMedSAM, case: Case) -> np.ndarray:
    """All boxes of a case, uint8 or uint16 of the case's shape."""

    def answer(embedding: torch.Tensor, box: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return _mask(model.logits(embedding, box), shape)

    way = segment_image if case.axes == 2 else partial(segment_volume, kept=KEPT)
    return way(model.embed, answer, case)


def main() -> None:
    """Load the model once, and answer every case with it."""
    model = LiteMedSAM()
    answer_all(lambda case: segment(model, boxed(case)), pickled=True)


if __name__ == "__main__":
    main()
