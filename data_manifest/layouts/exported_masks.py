"""Masks as NIfTI files that viewers open in place: 3D Slicer, ITK-SNAP, napari."""

# mypy: disallow-untyped-calls=False
# (nibabel annotates only a part of its functions)

from pathlib import Path

import numpy as np
import numpy.typing as npt

VIEWABLE = ".nii.gz"
"""What the names of such files end in."""


def write_viewable_mask(
    path: Path,
    labels: npt.NDArray[np.integer],
    *,
    spacing_mm: tuple[float, ...] | None,
    affine: npt.NDArray[np.float64] | None = None,
) -> None:
    """Write a label map as NIfTI-1.

    Args:
        path: ends in `VIEWABLE`.
        labels: (H, W) or (D, H, W), up to 65535.
        spacing_mm: in the array's axis order; None is written as 1 mm, which a viewer needs.
        affine: (4, 4), from voxel x, y, z to mm in RAS+; None where no place is known: the origin
            then is the first voxel, and x runs to the left, as ITK's own files without a place.
    """
    import nibabel  # slow to import

    volume = labels.reshape((1,) * (3 - labels.ndim) + labels.shape)
    dtype = np.uint8 if labels.size == 0 or int(labels.max()) < 256 else np.uint16
    if affine is None:
        affine = viewer_affine(spacing_mm, labels.ndim)
    image = nibabel.Nifti1Image(volume.astype(dtype).T, affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    nibabel.save(image, path)


def viewer_affine(spacing_mm: tuple[float, ...] | None, axes: int) -> npt.NDArray[np.float64]:
    """(4, 4), from voxel x, y, z to mm in RAS+, where no place is known.

    Args:
        spacing_mm: in the array's axis order; None is taken as 1 mm.
        axes: of the array, 2 or 3.
    """
    known = spacing_mm or (1.0,) * axes
    z, y, x = (1.0,) * (3 - len(known)) + tuple(known)
    return np.diag([-x, -y, z, 1.0])
