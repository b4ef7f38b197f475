"""NIfTI-1 in one file, `.nii` and `.nii.gz`: masks of strangers, and images for containers."""

# mypy: disallow-untyped-calls=False
# (nibabel annotates only a part of its functions, and isal none)

import gzip
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from isal import igzip

from data_manifest.cases import CaseInputs
from data_manifest.layouts.labels import Buffer, Fractions, read_labels
from data_manifest.layouts.masks import Grid, Labels, OpenMask, reading, skip, whole

MILLIMETRES = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
"""By the format's names of units; who writes none means millimetres."""

_HEADER = 348


def open_nifti(stream: BinaryIO, *, compressed: bool) -> OpenMask:
    """Read the header of a NIfTI-1 mask; x runs fastest in the file, as in the array.

    Args:
        stream: the file.
        compressed: with gzip.

    Raises:
        PredictionError: with the reason why not; so do the functions of the result.
    """
    from nibabel.nifti1 import Nifti1Header  # slow to import
    from nibabel.spatialimages import HeaderDataError

    with reading("NIfTI file"):
        source = igzip.IGzipFile(fileobj=stream, mode="rb") if compressed else stream
        read = whole(source.read)
        block = read(_HEADER)
        if len(block) < _HEADER or block[344:348] != b"n+1\0":
            raise ValueError("it does not begin with the header of a NIfTI-1 image in one file")
        header = Nifti1Header(block, check=False)
        dtype = header.get_data_dtype()
        if dtype.kind not in "iuf":
            raise ValueError(f"its dtype is {dtype}; expected integers")
        slope, intercept = header.get_slope_inter()
        scaling = (1.0 if slope is None else slope, intercept or 0.0)
        lengths = [int(length) for length in header.get_data_shape()]
    while len(lengths) > 3 and lengths[-1] == 1:
        lengths.pop()
    shape = tuple(lengths[::-1])

    def grid() -> Grid:
        with reading("NIfTI file"):
            unit = MILLIMETRES[header.get_xyzt_units()[0]]
            zooms = [float(length) * unit for length in header.get_zooms()[:3]][::-1]
            try:
                affine = np.asarray(header.get_best_affine(), dtype=np.float64)
            except HeaderDataError as error:
                raise ValueError(f"its orientation is no rotation: {error}") from error
            return Grid(
                spacing_mm=tuple(zooms),
                directions=affine[:3, :3],
                origin_mm=tuple((affine[:3, 3] * unit).tolist()),
                doubt=_doubt(header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]),
            )

    def labels(into: Buffer | None, fractions: Fractions) -> Labels:
        with reading("NIfTI file"):
            skip(read, int(header["vox_offset"]) - _HEADER)
            count = int(np.prod(shape))
            return read_labels(read, dtype, count, into=into, scaling=scaling, fractions=fractions)

    return OpenMask(shape=shape, dtype=dtype, has_slice_axis=True, grid=grid, labels=labels)


def _doubt(sform: npt.NDArray[Any] | None, qform: npt.NDArray[Any] | None) -> str:
    """Which of both say where the axes point, if it is not the same."""
    if sform is None or qform is None:
        return ""
    lengths = np.linalg.norm(qform[:3, :3], axis=0)
    if np.allclose(sform[:3, :3], qform[:3, :3], rtol=0, atol=1e-2 * float(lengths.min())):
        return ""
    return "sform and qform say different axes or spacings"


def write_nifti(path: Path, inputs: CaseInputs) -> None:
    """Write a case's image; the same image gives the same bytes.

    Args:
        path: ends in `.nii` or `.nii.gz`.
        inputs: (D, H, W); colours have no place in this format.

    Raises:
        ValueError: a picture of colours.
    """
    import nibabel

    if inputs.axes == 2:
        raise ValueError("a picture of colours; NIfTI holds volumes")
    affine = np.diag([*(inputs.spacing_mm or (1.0,) * 3)[::-1], 1.0])
    data = nibabel.Nifti1Image(inputs.image.T, affine).to_bytes()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
