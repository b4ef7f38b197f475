"""A volume with its place in space, and whether an image and its reference lie on each other."""

# mypy: disallow-untyped-calls=False
# (nibabel annotates only a part of its functions)

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, product

import nibabel
import numpy as np
import numpy.typing as npt

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
        notes: what was found out about the file and converted, each worth a line.
        scaling: by what the file says that its stored numbers are scaled; empty if by nothing.
    """

    array: npt.NDArray[np.generic]
    spacing_mm: tuple[float, ...] | None = None
    affine: Affine | None = None
    notes: tuple[str, ...] = ()
    scaling: str = ""


def without_depth(volume: Volume) -> Volume:
    """A volume of one slice as a 2D image; anything else as it is."""
    if volume.array.ndim != 3 or volume.array.shape[0] != 1:
        return volume
    spacing_mm = None if volume.spacing_mm is None else volume.spacing_mm[-2:]
    return replace(volume, array=volume.array[0], spacing_mm=spacing_mm)


def angle_between_axes(affine: Affine) -> float:
    """The angle, in degrees, of the two axes that are furthest from a right one."""
    size = min(3, len(affine))
    sides = affine[:size, :size]
    sides = sides / np.maximum(np.linalg.norm(sides, axis=0), np.finfo(np.float64).tiny)
    cosines = [float(sides[:, a] @ sides[:, b]) for a, b in combinations(range(size), 2)]
    return float(np.degrees(np.arccos(np.clip(max(cosines, key=abs), -1.0, 1.0))))


def mismatches(image: Volume, reference: Volume) -> Iterator[tuple[str, str, str]]:
    """What keeps a reference from lying on its image: found, expected, how to mend it.

    What only one of the two files tells can't be compared and is left out.
    """
    mend = "resample the reference onto the image, or pair it with its own image"
    colours = image.array.ndim == 3 and reference.array.ndim == 2
    shape = image.array.shape[:2] if colours else image.array.shape
    if image.affine is not None and reference.affine is not None and is_turned(image, reference):
        yield (
            f"the image's box with other axes ({_place(reference.affine)})",
            f"the image's ({_place(image.affine)})",
            f"`SimpleITK.DICOMOrient(reference, {axes_of(image.affine)!r})` turns it onto the"
            " image's axes, and loses nothing",
        )
        return
    if reference.array.shape != shape:
        yield f"shape {reference.array.shape}", f"the image's {shape} (axes z, y, x)", mend
        return
    if not _alike(reference.spacing_mm, image.spacing_mm):
        spacings = _brief(reference.spacing_mm), _brief(image.spacing_mm)
        yield f"spacing {spacings[0]} mm", f"{spacings[1]} mm", mend
        return
    if image.affine is None or reference.affine is None:
        return
    off = furthest_corner(image.affine, reference.affine, shape)
    if off > _nearness(image.affine):
        yield (
            f"it lies up to {off:.3g} mm away ({_place(reference.affine)})",
            f"the image's place ({_place(image.affine)})",
            mend,
        )


def _nearness(affine: Affine) -> float:
    return _POSITION_TOLERANCE * float(np.linalg.norm(affine[:3, :3], axis=0).min())


def is_turned(image: Volume, reference: Volume) -> bool:
    """Whether it is the same box, stored along other axes or the other way round."""
    if image.affine is None or reference.affine is None:
        return False
    if image.array.ndim != 3 or reference.array.ndim != 3:
        return False
    wanted, given = map(nibabel.io_orientation, (image.affine, reference.affine))
    if np.array_equal(wanted, given) or np.isnan(wanted).any() or np.isnan(given).any():
        return False
    turn = nibabel.orientations.ornt_transform(given, wanted)
    sizes = reference.array.shape[::-1]
    affine = reference.affine @ nibabel.orientations.inv_ornt_aff(turn, sizes)
    turned = [0, 0, 0]
    for old, new in enumerate(turn[:, 0].astype(int)):
        turned[new] = sizes[old]
    if tuple(turned[::-1]) != image.array.shape:
        return False
    return furthest_corner(image.affine, affine, image.array.shape) <= _nearness(image.affine)


def _alike(one: tuple[float, ...] | None, other: tuple[float, ...] | None) -> bool:
    if one is None or other is None:
        return True
    return np.allclose(one, other, rtol=_SPACING_TOLERANCE, atol=0.0)


def furthest_corner(one: Affine, other: Affine, shape: tuple[int, ...]) -> float:
    """How far apart, in mm, two places of a box of this shape (z, y, x) are at most."""
    sizes = (*shape[::-1], 1)[:3]  # x, y, z
    corners = np.array([(*corner, 1.0) for corner in product(*((0, n - 1) for n in sizes))])
    apart = (corners @ (one - other).T)[:, :3]
    return float(np.linalg.norm(apart, axis=1).max())


def _place(affine: Affine) -> str:
    return f"origin {_brief(affine[:3, 3])} mm, axes {axes_of(affine)}"


def axes_of(affine: Affine) -> str:
    """Where its voxels' axes point: `RAS` to the right, to the front, up."""
    return "".join(code or "?" for code in nibabel.aff2axcodes(affine))


def _brief(values: object) -> str:
    return "(" + ", ".join(f"{float(value):.6g}" for value in np.asarray(values)) + ")"
