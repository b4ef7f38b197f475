"""The challenge's side of a participant: cases in, answers out, one npz file each.

Every submission made with the kit holds this same file: a folder is all that its image gets.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """One voxel, in the image's axis order, and whether it belongs to the label."""

    label: int
    voxel: tuple[int, ...]
    foreground: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What one input file holds.

    Attributes:
        image: uint8, (H, W) or (H, W, 3) in 2D, (D, H, W) or (D, H, W, 3) in 3D.
        boxes: int64, (N, 4) x_min, y_min, x_max, y_max in pixels, or (N, 6) x_min, y_min, z_min,
            x_max, y_max, z_max in voxels. The challenge takes them from the smallest and largest
            index of the object, so both ends belong to the box, on every axis. N is 0 without any.
        spacing_mm: in the image's axis order, z, y, x; None in 2D, where the file has none.
        clicks: of all rounds so far, in their order.
        scribbles: as the label map: 0 where nothing is said, a label, or 1000 for the background.
        lines: as the label map: the longest line across each object, on one slice.
        texts: what is asked for in words, by label.
        previous: the answer of the round before; None where there was none, or it is not given.
    """

    image: np.ndarray
    boxes: np.ndarray
    spacing_mm: tuple[float, ...] | None = None
    clicks: tuple[Click, ...] = ()
    scribbles: np.ndarray | None = None
    lines: np.ndarray | None = None
    texts: Mapping[int, str] = field(default_factory=dict)
    previous: np.ndarray | None = None

    @property
    def axes(self) -> int:
        """2 or 3; boxes and spacing tell, since an image (H, W, 3) may look like a volume."""
        if len(self.boxes) or self.image.ndim == 4:
            return self.boxes.shape[1] // 2
        colours = self.image.ndim == 3 and self.image.shape[2] == 3
        return 2 if self.image.ndim == 2 or (colours and self.spacing_mm is None) else 3

    @property
    def most(self) -> int:
        """The largest label that is asked for."""
        marked = [
            m.ravel()[m.ravel() < 1000] for m in (self.scribbles, self.lines) if m is not None
        ]
        return max(
            len(self.boxes),
            *(click.label for click in self.clicks),
            *self.texts,
            *(int(marks.max(initial=0)) for marks in marked),
            0,
        )

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
    """Zeros in the answer's shape, of the smallest type that holds every label."""
    return np.zeros(case.shape, dtype=np.uint8 if case.most <= 255 else np.uint16)


def _read(path: Path, *, pickled: bool = False) -> Case:
    with np.load(path, allow_pickle=pickled) as stored:
        spacing = stored["spacing"][::-1].tolist() if "spacing" in stored else None
        case = Case(
            image=stored["imgs"],
            boxes=_boxes(stored),
            spacing_mm=tuple(spacing) if spacing else None,
            clicks=tuple(_clicks(stored)),
            scribbles=stored["scribbles"].astype(np.int64) if "scribbles" in stored else None,
            lines=stored["recist"].astype(np.int64) if "recist" in stored else None,
            texts=_texts(stored),
            previous=stored.get("prev_pred"),
        )
    channels = case.image.shape[case.axes :]
    if case.boxes.ndim != 2 or case.boxes.shape[1] not in (4, 6) or channels not in ((), (3,)):
        raise ValueError(
            f"{path.name}: imgs {case.image.shape} with boxes {case.boxes.shape};"
            " expected (H, W, 3) with (N, 4), or (D, H, W) with (N, 6)"
        )
    return case


def _boxes(stored: Mapping[str, np.ndarray]) -> np.ndarray:
    """Of the file, (N, 4) or (N, 6): boxes of all slices, or those of the middle one."""
    if "middle_boxes" in stored:
        return stored["middle_boxes"][:, :6].astype(np.int64)
    boxes = stored["boxes"] if "boxes" in stored else np.zeros((0, 6))
    if boxes.dtype != object:
        return boxes.astype(np.int64)
    ends = [
        [box[f"z_mid_x_{end}"], box[f"z_mid_y_{end}"], box[f"z_{end}"]]
        for box in boxes
        for end in ("min", "max")
    ]
    return np.array(ends, dtype=np.int64).reshape(-1, 6)


def _clicks(stored: Mapping[str, np.ndarray]) -> Iterator[Click]:
    """Round by round; labels without a number of their own are those of the boxes, from 1."""
    if "clicks" not in stored:
        return
    if "click_labels" in stored:
        for of_round in stored["clicks"].tolist():
            for label, (sign, *voxel) in zip(
                stored["click_labels"].tolist(), of_round, strict=True
            ):
                if sign >= 0:
                    yield Click(label=label, voxel=tuple(voxel), foreground=sign == 1)
        return
    orders = np.array(stored["clicks_order"].tolist(), dtype=object)
    told = [{kind: iter(of_label[kind]) for kind in ("fg", "bg")} for of_label in stored["clicks"]]
    for of_round in orders.T:
        for label, (kind, clicks) in enumerate(zip(of_round, told, strict=True), start=1):
            if kind is not None:
                voxel = tuple(int(at) for at in next(clicks[kind]))
                yield Click(label=label, voxel=voxel, foreground=kind == "fg")


def _texts(stored: Mapping[str, np.ndarray]) -> dict[int, str]:
    if "texts" in stored:
        asked = json.loads(stored["texts"].tobytes())
    else:
        asked = stored["text_prompts"].item() if "text_prompts" in stored else {}
    return {int(key): text for key, text in asked.items() if str(key).isdecimal()}


def answer_all(
    segment: Callable[[Case], np.ndarray], *, key: str = "segs", pickled: bool = False
) -> None:
    """Answer every case of the folder in the first argument, in the folder in the second.

    Args:
        segment: from a case to its labels, an integer array of the case's shape; box k (from 1)
            is answered by label k.
        key: of the mask in the answer's file.
        pickled: whether prompts may be pickled objects, as CVPR 2025's challenge keeps them. Who
            reads them trusts whoever wrote the cases.
    """
    inputs, outputs = Path(sys.argv[1]), Path(sys.argv[2])
    paths = sorted(inputs.glob("*.npz"))
    if not paths:
        sys.exit(f"no npz file in {inputs}")
    for path in paths:
        started = time.perf_counter()
        case = _read(path, pickled=pickled)
        np.savez_compressed(outputs / path.name, **{key: segment(case)})
        elapsed = time.perf_counter() - started
        print(f"{path.name}: {case.most} labels in {case.shape}, {elapsed:.2f} s", flush=True)
