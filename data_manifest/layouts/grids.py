"""What a file says of its grid, beside what the case's grid is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data_manifest.layouts.masks import Grid
from data_manifest.layouts.regular_files import PredictionError

_RELATIVE = 1e-3
"""How far a spacing may be off: files keep it in float32, or as a few decimals."""

_FURTHEST = 1e6
"""In voxels."""

_SPACINGS_MM = (0.001, 50.0)
_BODIES_MM = (1.0, 3000.0)
"""What is between these may be a scan of a body; microscopes' slides are below."""


def check_shape(shape: tuple[int, ...], expected: tuple[int, ...], *, has_slice_axis: bool) -> None:
    """Refuse another shape; both in array order, (H, W) or (D, H, W).

    Raises:
        PredictionError: they differ; by a first axis of length 1 they may, where the format has it.
    """
    if shape != expected and not (has_slice_axis and shape == (1, *expected)):
        axes = "(z, y, x)" if len(expected) == 3 else "(y, x)"
        raise PredictionError(f"the mask has shape {shape}; expected {expected} {axes}")


def check_grid(
    grid: Grid,
    *,
    axes: int,
    spacing_mm: tuple[float, ...] | None,
    directions: npt.NDArray[np.float64] | None = None,
) -> None:
    """Refuse another grid than the case's; what the file does not keep is not compared.

    A case that is stored as arrays has no orientation of its own, so a mask is compared voxel by
    voxel; a file that says that its axes point elsewhere was resampled or transposed. Where the
    first voxel lies is not compared.

    Args:
        grid: the file's.
        axes: of the case.
        spacing_mm: of the case, in array order; None where it has none.
        directions: of the case, (3, 3), a column for each axis, x first; None where it has none.

    Raises:
        PredictionError: a length differs by a thousandth, or an axis of a volume points elsewhere
            than the case's; of a case without directions, not along its own world axis, forwards or
            backwards.
    """
    if spacing_mm is not None and grid.spacing_mm is not None:
        spacing = grid.spacing_mm[-axes:]
        if len(spacing) < axes or not np.allclose(spacing, spacing_mm, rtol=_RELATIVE, atol=0):
            raise PredictionError(
                f"the mask has spacing {_lengths(spacing)} mm; expected {_lengths(spacing_mm)}"
                " (z, y, x): it must lie on the image's grid"
            )
    if axes == 3 and grid.doubt:
        raise PredictionError(f"the mask's {grid.doubt}; expected one place, the image's")
    if axes == 3 and grid.directions is not None:
        matrix = grid.directions if directions is not None else np.abs(grid.directions)
        lengths = np.linalg.norm(matrix, axis=0)
        wanted = np.eye(3)
        if directions is not None:
            wanted = directions / np.linalg.norm(directions, axis=0)
        if not np.all(lengths > 0) or not np.allclose(matrix / lengths, wanted, atol=1e-3):
            fault = (
                "turned, mirrored or permuted"
                if directions is not None
                else ("permuted or oblique")
            )
            raise PredictionError(
                f"the mask's axes are {fault}; expected the image's grid, x, y, z"
            )


def offset_voxels(
    mask: npt.NDArray[np.float64] | None, case: npt.NDArray[np.float64]
) -> tuple[int, ...]:
    """Where in a mask the case's first voxel lies, z, y, x; between two voxels the higher one.

    Args:
        mask: (4, 4), from a voxel's x, y, z to mm; None of a mask that tells no place.
        case: the same.

    Raises:
        PredictionError: the mask's voxels have other lengths or axes, or it tells no place.
    """
    if mask is None or not np.isfinite(mask).all() or not np.linalg.det(mask):
        raise PredictionError("the mask does not tell where its voxels lie")
    steps = np.linalg.inv(mask) @ case
    if not np.allclose(steps[:3, :3], np.eye(3), rtol=0, atol=_RELATIVE):
        raise PredictionError(
            "the mask's voxels have another spacing, or other axes, than the case's"
        )
    if np.abs(steps[:3, 3]).max() > _FURTHEST:
        raise PredictionError("the mask lies nowhere near the case")
    return tuple(int(n) for n in np.floor(steps[:3, 3] + 0.5)[::-1])


def moved_to(
    labels: npt.NDArray[Any], shape: tuple[int, ...], offset: tuple[int, ...]
) -> npt.NDArray[Any]:
    """The part of a mask that lies on a case's grid; 0 where the mask does not reach."""
    placed = np.zeros(shape, dtype=labels.dtype)
    spans = [
        (max(0, -at), min(n, have - at))
        for n, have, at in zip(shape, labels.shape, offset, strict=True)
    ]
    if all(low < high for low, high in spans):
        here = tuple(slice(low, high) for low, high in spans)
        there = tuple(
            slice(low + at, high + at) for (low, high), at in zip(spans, offset, strict=True)
        )
        placed[here] = labels[there]
    return placed


def implausible(shape: tuple[int, ...], spacing_mm: tuple[float, ...] | None) -> str | None:
    """Why a spacing can hardly be in millimetres; None if it can, or there is none."""
    if spacing_mm is None:
        return None
    sides = [n * s for n, s in zip(shape[: len(spacing_mm)], spacing_mm, strict=True)]
    least, most = _SPACINGS_MM
    odd = [s for s in spacing_mm if not least <= s <= most]
    if odd or max(sides) < _BODIES_MM[0] or max(sides) > _BODIES_MM[1]:
        return (
            f"spacing {_lengths(spacing_mm)} mm makes an image of {_lengths(sides)} mm (z, y, x);"
            " is it in millimetres?"
        )
    return None


def _lengths(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"
