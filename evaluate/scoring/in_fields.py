"""A case within its box: both maps are cut, and what lies outside does not count."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from data_manifest.cases import Reference
from data_manifest.errors import CaseFileError
from data_manifest.layouts.scored_fields import Box
from metrics.windows import cut_out

_TURNED = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From a reference's x and y, to the right and to the front, to those of the table."""

_LARGEST = 8
"""How much larger than the image a box may be."""


def within_field(
    reference: Reference, prediction: npt.NDArray[np.integer], box_mm: Box, *, where: str
) -> tuple[Reference, npt.NDArray[np.integer]]:
    """Both maps on the box's own grid, voxel on nearest voxel; outside the image is background.

    Args:
        reference: of a file that tells its place.
        prediction: on the reference's grid.
        box_mm: of the case.
        where: the file, for messages.

    Raises:
        CaseFileError: the file tells no place, its axes are not those of its world, or the box is
            far larger than the image.
    """
    labels, spacing_mm = reference.labels, reference.spacing_mm
    affine = np.zeros((4, 4)) if reference.affine is None else _TURNED @ reference.affine
    steps = np.diag(affine)[:3]
    if spacing_mm is None or not steps.all() or not np.allclose(affine[:3, :3], np.diag(steps)):
        fault, expected = "no place in mm, or turned axes", "what a box in mm can be cut from"
        raise CaseFileError(where=where, found=fault, expected=expected)
    low, high = np.array(box_mm[:3]), np.array(box_mm[3:])
    size = np.rint((high - low) / np.array(spacing_mm[::-1])).astype(int)
    corner = np.where(steps > 0, low, high)  # the voxel with the lowest index
    first = np.floor((corner - affine[:3, 3]) / steps + 0.5).astype(int)
    if size.prod() > _LARGEST * labels.size:
        fault = f"a box of {size.tolist()} voxels"
        raise CaseFileError(where=where, found=fault, expected="a box within the image")
    place = {"first": tuple(first[::-1].tolist()), "size": tuple(size[::-1].tolist())}
    cut = cut_out(labels, **place), cut_out(prediction, **place)
    return replace(reference, labels=cut[0]), cut[1]
