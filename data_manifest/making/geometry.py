"""A volume with its place in space, and whether an image and its reference lie on each other."""

# mypy: disallow-untyped-calls=False
# (nibabel annotates only a part of its functions)

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import nibabel
import numpy as np
import numpy.typing as npt

__all__ = ["Affine", "Volume", "mismatches", "without_depth"]

Affine = npt.NDArray[np.float64]

_SPACING_TOLERANCE = 1e-3
"""Relative; NIfTI keeps spacings as float32, and writers round them."""

_POSITION_TOLERANCE = 0.1
"""Of the smallest spacing, at the corner that is furthest off: less than that is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """An image or a label map as its file gives it.

    Attributes:
        array: (D, H, W), (H, W), or (H, W, 3) with uint8 colours; raw values.
        spacing_mm: in the array's axis order; None where the file has none.
        affine: float64 (4, 4), from voxel (x, y, z) to millimetres in RAS+ (right, anterior,
            superior), as nibabel's; None where the file has none.
    """

    array: npt.NDArray[np.generic]
    spacing_mm: tuple[float, ...] | None = None
    affine: Affine | None = None


def without_depth(volume: Volume) -> Volume:
    """A volume of one slice as a 2D image; anything else as it is."""
    if volume.array.ndim != 3 or volume.array.shape[0] != 1:
        return volume
    spacing_mm = None if volume.spacing_mm is None else volume.spacing_mm[-2:]
    return replace(volume, array=volume.array[0], spacing_mm=spacing_mm)


def mismatches(image: Volume, reference: Volume) -> Iterator[tuple[str, str]]:
    """What keeps a reference from lying on its image, as pairs of found and expected.

    What only one of the two files tells can't be compared and is left out.
    """
    colours = image.array.ndim == 3 and reference.array.ndim == 2
    shape = image.array.shape[:2] if colours else image.array.shape
    if reference.array.shape != shape:
        yield f"shape {reference.array.shape}", f"the image's {shape} (axes z, y, x)"
        return
    if not _alike(reference.spacing_mm, image.spacing_mm):
        yield f"spacing {_brief(reference.spacing_mm)} mm", f"{_brief(image.spacing_mm)} mm"
        return
    if image.affine is None or reference.affine is None:
        return
    off = _furthest_corner(image.affine, reference.affine, shape)
    if off > _POSITION_TOLERANCE * np.linalg.norm(image.affine[:3, :3], axis=0).min():
        yield (
            f"it lies up to {off:.3g} mm away ({_place(reference.affine)})",
            f"the image's place ({_place(image.affine)})",
        )


def _alike(one: tuple[float, ...] | None, other: tuple[float, ...] | None) -> bool:
    if one is None or other is None:
        return True
    return np.allclose(one, other, rtol=_SPACING_TOLERANCE, atol=0.0)


def _furthest_corner(one: Affine, other: Affine, shape: tuple[int, ...]) -> float:
    sizes = (*shape[::-1], 1)[:3]  # x, y, z
    corners = np.array([(*corner, 1.0) for corner in product(*((0, n - 1) for n in sizes))])
    apart = (corners @ (one - other).T)[:, :3]
    return float(np.linalg.norm(apart, axis=1).max())


def _place(affine: Affine) -> str:
    axes = "".join(code or "?" for code in nibabel.aff2axcodes(affine))
    return f"origin {_brief(affine[:3, 3])} mm, axes {axes}"


def _brief(values: object) -> str:
    return "(" + ", ".join(f"{float(value):.6g}" for value in np.asarray(values)) + ")"
