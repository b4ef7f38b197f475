"""Reading an image or a label map of any common format, and a pair of both that fit together."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_manifest.errors import CaseFileError, Problem
from data_manifest.making.formats import (
    FormatError,
    read_dicom_file,
    read_itk,
    read_nifti,
    read_picture,
    read_series,
)
from data_manifest.making.geometry import Volume, mismatches, without_depth

__all__ = ["SUFFIXES", "read_pair", "read_volume", "stem_of"]

_NIFTI = (".nii", ".nii.gz")
_ITK = (".mha", ".mhd", ".nrrd", ".nhdr")
_DICOM = (".dcm",)
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")

SUFFIXES = (*_NIFTI, *_ITK, *_DICOM, *_PICTURES)
"""The endings of the files that are read; a folder is read as one DICOM series."""


def stem_of(path: Path) -> str:
    """The name without the ending of its format.

    >>> stem_of(Path("case_1.2_0000.nii.gz"))
    'case_1.2_0000'
    """
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.name


def read_volume(path: Path, *, labels: bool = False) -> Volume:
    """Read an image or a label map: NIfTI, MHA/NRRD, a DICOM file or series, PNG, JPEG, TIFF.

    Args:
        path: of a file, or of a folder that holds the files of one DICOM series.
        labels: whether it is a label map, of whole numbers from 0 up.

    Returns:
        The volume, in z, y, x order, neither turned nor resampled; labels as integers.

    Raises:
        CaseFileError: the file, what was found, and what was expected.
    """
    try:
        volume = _read(path, labels=labels)
        return replace(volume, array=_as_labels(volume.array)) if labels else volume
    except FormatError as error:
        raise CaseFileError(
            Problem(where=str(path), found=str(error), expected=error.expected, mend=error.mend)
        ) from error


def _read(path: Path, *, labels: bool) -> Volume:
    name = path.name.lower()
    if path.is_dir():
        return read_series(path)
    if not path.is_file():
        raise FormatError("no such file or folder", "an image")
    if name.endswith(_NIFTI):
        return read_nifti(path)
    if name.endswith(_ITK):
        return read_itk(path)
    if name.endswith(_DICOM):
        return read_dicom_file(path)
    if name.endswith(_PICTURES):
        return read_picture(path, labels=labels)
    raise FormatError("an unknown format", f"one of {', '.join(SUFFIXES)}, or a DICOM folder")


def _as_labels(array: npt.NDArray[np.generic]) -> npt.NDArray[np.integer]:
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind == "f" and not np.array_equal(array, np.trunc(array)):
        raise FormatError("labels that are fractions or nan", "whole numbers")
    least, most = array.min(), array.max()
    if least < 0 or most > np.iinfo(np.int64).max // 2:
        raise FormatError(f"labels from {least} to {most}", "0 (background) and above")
    return array.astype(np.uint16 if most <= 65535 else np.int64, copy=False)


def read_pair(image_path: Path, reference_path: Path) -> tuple[Volume, Volume]:
    """Read an image and its reference, and check that they lie on each other.

    A volume of one slice counts as 2D where the other file is 2D.

    Raises:
        CaseFileError: every problem that both files have, or what keeps them apart.
    """
    volumes: list[Volume] = []
    problems: list[Problem] = []
    for path, labels in ((image_path, False), (reference_path, True)):
        try:
            volumes.append(read_volume(path, labels=labels))
        except CaseFileError as error:
            problems += error.problems
    if problems:
        raise CaseFileError(*problems)
    image, reference = volumes
    if reference.array.ndim == 2:
        image = without_depth(image)
    elif image.array.ndim == 2 or image.array.shape[-1] == 3 != reference.array.shape[-1]:
        reference = without_depth(reference)
    problems = [
        Problem(
            where=str(reference_path),
            found=found,
            expected=f"{expected} ({image_path.name})",
            mend="resample the reference onto the image, or pair it with its own image",
        )
        for found, expected in mismatches(image, reference)
    ]
    if problems:
        raise CaseFileError(*problems)
    return image, reference
