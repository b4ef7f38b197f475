"""The floor: every box is filled, and the image is never looked at."""

import numpy as np
from case_files import Case, answer_all, empty_labels


def segment(case: Case) -> np.ndarray:
    """Fill each box with its label; later boxes overwrite earlier ones.

    Args:
        case: the image and its boxes.

    Returns:
        uint8 or uint16, (H, W) or (D, H, W).
    """
    labels = empty_labels(case)
    for label, box in enumerate(case.boxes, start=1):
        labels[case.region(box)] = label
    return labels


if __name__ == "__main__":
    answer_all(segment)
