"""What a file says of its grid, beside what the case's grid is."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data_manifest.layouts.regular_files import PredictionError

__all__ = ["check_axes", "check_shape", "check_spacing"]

_RELATIVE = 1e-3
"""How far a spacing may be off: files keep it in float32, or as a few decimals."""


def check_shape(found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Refuse another shape; both in array order, (H, W) or (D, H, W).

    Raises:
        PredictionError: they differ, by more than a first axis of length 1.
    """
    if found != expected and found != (1, *expected):
        raise PredictionError(f"the mask has shape {found}; expected {expected} (z, y, x)")


def check_spacing(found_xyz: Sequence[float], expected: tuple[float, ...] | None) -> None:
    """Refuse another spacing than the case's.

    Args:
        found_xyz: as the file has it, x first.
        expected: in array order; None where the case has none.

    Raises:
        PredictionError: a length differs.
    """
    if expected is None:
        return
    found = tuple(float(length) for length in found_xyz)[: len(expected)][::-1]
    if len(found) < len(expected) or not np.allclose(found, expected, rtol=_RELATIVE, atol=0):
        raise PredictionError(
            f"the mask has spacing {_lengths(found)} mm; expected {_lengths(expected)} (z, y, x):"
            " it must lie on the image's grid"
        )


def check_axes(directions: npt.ArrayLike) -> None:
    """Refuse a grid whose axes are permuted or oblique.

    A case's arrays have no orientation of their own, so a mask is compared voxel by voxel; a file
    that says that its axes point elsewhere was resampled or transposed.

    Args:
        directions: (3, 3), a column for each of the file's axes.

    Raises:
        PredictionError: an axis does not point along its own world axis, forwards or backwards.
    """
    matrix = np.abs(np.asarray(directions, dtype=np.float64))
    lengths = np.linalg.norm(matrix, axis=0)
    if not np.all(lengths > 0) or not np.allclose(matrix / lengths, np.eye(3), atol=1e-3):
        raise PredictionError(
            "the mask's axes are permuted or oblique; expected the image's grid, x, y, z"
        )


def _lengths(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"
