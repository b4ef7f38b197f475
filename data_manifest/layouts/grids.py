"""What a file says of its grid, beside what the case's grid is."""

from collections.abc import Sequence

import numpy as np

from data_manifest.layouts.masks import Grid
from data_manifest.layouts.regular_files import PredictionError

__all__ = ["check_grid", "check_shape", "implausible"]

_RELATIVE = 1e-3
"""How far a spacing may be off: files keep it in float32, or as a few decimals."""

_SPACINGS_MM = (0.001, 50.0)
_BODIES_MM = (1.0, 3000.0)
"""What is between these may be a scan of a body; microscopes' slides are below."""


def check_shape(found: tuple[int, ...], expected: tuple[int, ...], *, has_slice_axis: bool) -> None:
    """Refuse another shape; both in array order, (H, W) or (D, H, W).

    Raises:
        PredictionError: they differ; by a first axis of length 1 they may, where the format has it.
    """
    if found != expected and not (has_slice_axis and found == (1, *expected)):
        axes = "(z, y, x)" if len(expected) == 3 else "(y, x)"
        raise PredictionError(f"the mask has shape {found}; expected {expected} {axes}")


def check_grid(grid: Grid, *, axes: int, spacing_mm: tuple[float, ...] | None) -> None:
    """Refuse another grid than the case's; what the file does not keep is not compared.

    A case's arrays have no orientation of their own, so a mask is compared voxel by voxel; a file
    that says that its axes point elsewhere was resampled or transposed.

    Args:
        grid: the file's.
        axes: of the case.
        spacing_mm: of the case, in array order; None where it has none.

    Raises:
        PredictionError: a length differs, or an axis of a volume does not point along its own
            world axis, forwards or backwards.
    """
    if spacing_mm is not None and grid.spacing_mm is not None:
        found = grid.spacing_mm[-axes:]
        if len(found) < axes or not np.allclose(found, spacing_mm, rtol=_RELATIVE, atol=0):
            raise PredictionError(
                f"the mask has spacing {_lengths(found)} mm; expected {_lengths(spacing_mm)}"
                " (z, y, x): it must lie on the image's grid"
            )
    if axes == 3 and grid.directions is not None:
        matrix = np.abs(grid.directions)
        lengths = np.linalg.norm(matrix, axis=0)
        if not np.all(lengths > 0) or not np.allclose(matrix / lengths, np.eye(3), atol=1e-3):
            raise PredictionError(
                "the mask's axes are permuted or oblique; expected the image's grid, x, y, z"
            )


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
