"""The challenge's side of a participant: cases in, answers out, one npz file each.

Every submission made with the kit holds this same file: a folder is all that its image gets.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["Case", "answer_all", "empty_labels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What one input file holds.

    Attributes:
        image: uint8, (H, W) or (H, W, 3) in 2D, (D, H, W) or (D, H, W, 3) in 3D.
        boxes: int64, (N, 4) x_min, y_min, x_max, y_max in pixels, or (N, 6) x_min, y_min, z_min,
            x_max, y_max, z_max in voxels. The challenge takes them from the smallest and largest
            index of the object, so both ends belong to the box, on every axis.
        spacing_mm: in the image's axis order, z, y, x; None in 2D, where the file has none.
    """

    image: np.ndarray
    boxes: np.ndarray
    spacing_mm: tuple[float, ...] | None = None

    @property
    def axes(self) -> int:
        """2 or 3; the boxes tell, since an image (H, W, 3) may look like a volume."""
        return self.boxes.shape[1] // 2

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the answer: (H, W) or (D, H, W)."""
        return self.image.shape[: self.axes]

    def region(self, box: np.ndarray, margin: tuple[int, ...] | None = None) -> tuple[slice, ...]:
        """The part of the image in a box, in the image's axis order, clipped to the image.

        Args:
            box: one row of `boxes`.
            margin: pixels to add at both ends of each image axis.

        Returns:
            One slice for each axis; empty ones where the box lies outside the image.
        """
        starts, stops = box[: self.axes][::-1], box[self.axes :][::-1] + 1
        around = margin or (0,) * self.axes
        return tuple(
            slice(min(max(int(start) - extra, 0), size), min(max(int(stop) + extra, 0), size))
            for start, stop, extra, size in zip(starts, stops, around, self.shape, strict=True)
        )


def empty_labels(case: Case) -> np.ndarray:
    """Zeros in the answer's shape, of the smallest type that holds a label for every box."""
    return np.zeros(case.shape, dtype=np.uint8 if len(case.boxes) <= 255 else np.uint16)


def _read(path: Path) -> Case:
    with np.load(path, allow_pickle=False) as stored:
        spacing = stored["spacing"][::-1].tolist() if "spacing" in stored else None
        case = Case(
            image=stored["imgs"],
            boxes=stored["boxes"].astype(np.int64),
            spacing_mm=tuple(spacing) if spacing else None,
        )
    channels = case.image.shape[case.axes :]
    if case.boxes.ndim != 2 or case.axes not in (2, 3) or channels not in ((), (3,)):
        raise ValueError(
            f"{path.name}: imgs {case.image.shape} with boxes {case.boxes.shape};"
            " expected (H, W, 3) with (N, 4), or (D, H, W) with (N, 6)"
        )
    return case


def answer_all(segment: Callable[[Case], np.ndarray], *, key: str = "segs") -> None:
    """Answer every case of the folder in the first argument, in the folder in the second.

    Args:
        segment: from a case to its labels, an integer array of the case's shape; box k (from 1)
            is answered by label k.
        key: of the mask in the answer's file.
    """
    inputs, outputs = Path(sys.argv[1]), Path(sys.argv[2])
    paths = sorted(inputs.glob("*.npz"))
    if not paths:
        sys.exit(f"no npz file in {inputs}")
    for path in paths:
        started = time.perf_counter()
        case = _read(path)
        np.savez_compressed(outputs / path.name, **{key: segment(case)})
        elapsed = time.perf_counter() - started
        print(f"{path.name}: {len(case.boxes)} boxes in {case.shape}, {elapsed:.2f} s", flush=True)
