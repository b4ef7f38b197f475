"""The seeded benchmark set: cases of the sizes that challenges have, a real brain among them.

Of each kind there are several cases, so that a command's start-up counts as it does in practice.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Labels = npt.NDArray[np.uint8]

SEED = 2024


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Cases of one kind.

    Attributes:
        name: as the tables have it.
        modality: of the cases' names.
        shape: (D, H, W) or (H, W); empty for the MNI152 template, which has its own.
        count: how many cases.
        objects: labels in a case.
        radius: of the largest object, in pixels of the last axis; the smallest has half of it.
        spacing_xyz: in mm, as the files store it; empty in 2D.
        far: whether the prediction is far away from the reference.
    """

    name: str
    modality: str
    shape: tuple[int, ...]
    count: int
    objects: int
    radius: float
    spacing_xyz: tuple[float, ...] = ()
    far: bool = False


KINDS = (
    Kind(
        name="CT 150×512×512, 13 labels",
        modality="CT",
        shape=(150, 512, 512),
        count=6,
        objects=13,
        radius=100,
        spacing_xyz=(0.8, 0.8, 2.5),
    ),
    Kind(
        name="MR MNI152, 3 labels",
        modality="MR",
        shape=(),
        count=4,
        objects=3,
        radius=0,
        spacing_xyz=(1.0, 1.0, 1.0),
    ),
    Kind(
        name="PET 200×168×168, 4 lesions",
        modality="PET",
        shape=(200, 168, 168),
        count=2,
        objects=4,
        radius=12,
        spacing_xyz=(4.07, 4.07, 3.0),
    ),
    Kind(
        name="dermoscopy 1024², 1 label",
        modality="Dermoscopy",
        shape=(1024, 1024),
        count=3,
        objects=1,
        radius=300,
    ),
    Kind(
        name="microscopy 512², 200 labels",
        modality="Microscopy",
        shape=(512, 512),
        count=3,
        objects=200,
        radius=16,
    ),
    Kind(
        name="X-ray 2048², 2 labels",
        modality="XRay",
        shape=(2048, 2048),
        count=3,
        objects=2,
        radius=430,
    ),
)
"""The set that the ratios are over."""

WORST = Kind(
    name="worst case: 0.15 mm, far away",
    modality="CT",
    shape=(60, 384, 384),
    count=1,
    objects=1,
    radius=110,
    spacing_xyz=(0.15, 0.15, 0.15),
    far=True,
)
"""Thousands of offsets within reach, and none of them hits."""


def _smooth(
    rng: np.random.Generator, shape: tuple[int, ...], coarseness: int
) -> npt.NDArray[np.float32]:
    """A field of slow changes, standard deviation 1: noise on a coarse grid, interpolated."""
    coarse = rng.standard_normal([length // coarseness + 3 for length in shape]).astype(np.float32)
    fine = ndimage.zoom(coarse, coarseness, order=1)[tuple(slice(length) for length in shape)]
    field: npt.NDArray[np.float32] = fine / fine.std()
    return field


def _objects(rng: np.random.Generator, kind: Kind) -> Labels:
    """A label map of ellipsoids with irregular outlines; the later ones lie on top."""
    labels = np.zeros(kind.shape, np.uint8)
    flat = np.array([kind.spacing_xyz[0] / s for s in kind.spacing_xyz[::-1]] or [1.0, 1.0])
    for label in range(1, kind.objects + 1):
        size = kind.radius * rng.uniform(0.5, 1) if label > 1 else kind.radius
        radii = np.maximum(size * flat * rng.uniform(0.7, 1.0, len(kind.shape)), 2.0)
        centre = [
            rng.uniform(min(r, length / 2), max(length - r, length / 2))
            for r, length in zip(radii, kind.shape, strict=True)
        ]
        box = tuple(
            slice(max(int(c - 1.3 * r), 0), min(int(c + 1.3 * r) + 2, length))
            for c, r, length in zip(centre, radii, kind.shape, strict=True)
        )
        grid = np.ogrid[box]
        distance = sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radii, strict=True))
        crop = labels[box]
        inside = distance < 1 + 0.25 * _smooth(rng, crop.shape, max(int(size) // 4, 2))
        crop[inside] = label
    # One that lies wholly under others would leave a gap, where the reference's mean is undefined.
    present = np.unique(labels)
    numbers = np.zeros(256, np.uint8)
    numbers[present] = np.arange(present.size)
    return numbers[labels]


def _tissue() -> Labels:
    """Brain, grey matter and white matter of the MNI152 template, (z, y, x), 1 mm."""
    from nilearn import datasets

    masks = [
        datasets.load_mni152_brain_mask(resolution=1),
        datasets.load_mni152_gm_mask(resolution=1),
        datasets.load_mni152_wm_mask(resolution=1),
    ]
    labels = np.zeros(masks[0].shape, np.uint8)
    for label, mask in enumerate(masks, start=1):
        labels[np.asarray(mask.dataobj) > 0] = label
    return np.ascontiguousarray(labels.T)


def predicted(rng: np.random.Generator, reference: Labels, *, worse: float = 1.0) -> Labels:
    """The reference as a good model gives it: outlines moved by a voxel or two, here and there.

    Args:
        rng: of this case.
        reference: (D, H, W) or (H, W).
        worse: how many times as far.
    """
    slices = reference.reshape((-1, *reference.shape[-2:]))
    rows, columns = np.ogrid[: slices.shape[1], : slices.shape[2]]
    prediction = np.empty_like(slices)
    for index, labels in enumerate(slices):
        if index % 4 == 0:  # outlines of neighbouring slices go wrong together
            down, across = (
                np.rint(1.2 * worse * _smooth(rng, labels.shape, 16)).astype(np.intp)
                for _ in range(2)
            )
        prediction[index] = labels[
            (rows + down).clip(0, labels.shape[0] - 1),
            (columns + across).clip(0, labels.shape[1] - 1),
        ]
    return prediction.reshape(reference.shape)


def _far_away(reference: Labels) -> Labels:
    return np.ascontiguousarray(np.roll(reference, reference.shape[-1] // 3, axis=-1))


def make_cases(kind: Kind, folder: Path) -> Iterator[Path]:
    """Write the cases of a kind: `gts/` with references, `segs/` with predictions.

    Args:
        kind: of KINDS, or WORST.
        folder: made if need be.

    Yields:
        Each case's reference as soon as it and its prediction are there.
    """
    for name in ("gts", "segs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(kind.count):
        rng = np.random.default_rng([SEED, *kind.modality.encode(), index])
        reference = _objects(rng, kind) if kind.shape else _tissue()
        prediction = _far_away(reference) if kind.far else predicted(rng, reference)
        name = f"{reference.ndim}DBox_{kind.modality}_{index:04d}.npz"
        spacing = {"spacing": np.array(kind.spacing_xyz)} if kind.spacing_xyz else {}
        np.savez_compressed(folder / "gts" / name, gts=reference, **spacing)
        np.savez_compressed(folder / "segs" / name, segs=prediction)
        yield folder / "gts" / name


if __name__ == "__main__":
    (chosen,) = (kind for kind in (*KINDS, WORST) if kind.name == sys.argv[1])
    for _ in make_cases(chosen, Path(sys.argv[2])):
        pass
