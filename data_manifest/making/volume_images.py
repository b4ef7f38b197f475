"""Reading an image or a label map of any common format, and a pair of both that fit together."""

import contextlib
import zlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_manifest.errors import CaseFileError, Finding
from data_manifest.layouts.grids import implausible
from data_manifest.making.flat_pictures import picture_header, read_picture
from data_manifest.making.geometry import Volume, mismatches, without_depth
from data_manifest.making.image_formats import FormatError, library_messages
from data_manifest.making.itk_files import itk_header, read_itk
from data_manifest.making.nifti_images import nifti_header, read_nifti
from data_manifest.making.whole_labels import check_interpolation, steps_between, whole_labels

_NIFTI = (".nii", ".nii.gz")
_ITK = (".mha", ".mhd", ".nrrd", ".nhdr")
_DICOM = (".dcm",)
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")

_LIBRARY_ERRORS = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, NotImplementedError),
    *(OSError, SyntaxError, TypeError, ValueError, zlib.error),
)
"""What the formats' libraries raise where a damaged header leads them astray."""

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


def read_volume(path: Path, *, labels: bool = False, channel: int | None = None) -> Volume:
    """Read an image or a label map: NIfTI, MHA/NRRD, a DICOM file or series, PNG, JPEG, TIFF.

    docs/reading.md says what is done with each format's tags.

    Args:
        path: of a file, or of a folder that holds the files of one DICOM series.
        labels: whether it is a label map, of whole numbers from 0 up.
        channel: of a NIfTI file with four axes, which volume along the last.

    Returns:
        The volume, in z, y, x order, neither turned nor resampled; labels as integers.

    Raises:
        CaseFileError: the file, what was found, and what was expected.
    """
    with _by_name(path) as said:
        volume = _read(path, labels=labels, channel=channel)
        volume = whole_labels(volume) if labels else _finite(volume)
    return replace(volume, notes=tuple(dict.fromkeys((*volume.notes, *said))))


@contextlib.contextmanager
def _by_name(path: Path) -> Iterator[list[str]]:
    """Whatever goes wrong with a file has its name; yields what libraries say of it."""
    try:
        with library_messages() as said:
            yield said
    except FormatError as error:
        raise CaseFileError(_refusal(path, error)) from error
    except _LIBRARY_ERRORS as error:
        fault = f"can't be read: {type(error).__name__}: {str(error)[:200]}"
        refusal = FormatError(fault, "a whole file of its format", "take a fresh copy")
        raise CaseFileError(_refusal(path, refusal)) from error


def _refusal(path: Path, error: FormatError) -> Finding:
    return Finding(where=str(path), found=str(error), expected=error.expected, mend=error.mend)


def read_header(path: Path) -> Volume:
    """A file as `read_volume` gives it, by its header alone: its array has a shape and no values.

    Of a NIfTI with four axes the shape is (C, D, H, W).

    Raises:
        CaseFileError: a geometry that `read_volume` refuses.
    """
    name = path.name.lower()
    with _by_name(path):
        if name.endswith(_NIFTI):
            return nifti_header(path)
        if name.endswith(_ITK):
            return itk_header(path)
        return picture_header(path)


def _read(path: Path, *, labels: bool, channel: int | None) -> Volume:
    name = path.name.lower()
    if not path.is_dir() and not path.is_file():
        raise FormatError("no such file or folder", "an image", "look at the path")
    if path.is_dir() or name.endswith(_DICOM):
        from data_manifest.making import dicom  # its library is slow to import

        try:
            return (dicom.read_series if path.is_dir() else dicom.read_dicom_file)(
                path, labels=labels
            )
        except dicom.BytesLengthException as error:  # of no family that Python knows
            raise ValueError(str(error)) from error
    if name.endswith(_NIFTI):
        return read_nifti(path, channel=channel)
    if name.endswith(_ITK):
        return read_itk(path)
    if name.endswith(_PICTURES):
        return read_picture(path, labels=labels)
    raise FormatError(
        "an unknown format", f"one of {', '.join(SUFFIXES)}, or a DICOM folder", "convert it"
    )


def _finite(volume: Volume) -> Volume:
    if volume.array.dtype.kind == "f":
        bad = volume.array.size - int(np.count_nonzero(np.isfinite(volume.array)))
        if bad:
            raise FormatError(
                f"{bad} voxels are nan or infinite",
                "finite intensities",
                "write what they stand for, such as the air's value outside of the field of view",
            )
    return volume


def read_pair(
    image_path: Path, reference_path: Path, *, named: Collection[int] = ()
) -> tuple[Volume, Volume]:
    """Read an image and its reference, and check that they lie on each other.

    A volume of one slice counts as 2D where the other file is 2D.

    Args:
        image_path: of the image.
        reference_path: of its label map.
        named: labels that somebody has named: they are meant, whatever they look like.

    Raises:
        CaseFileError: every problem that both files have, or what keeps them apart.
    """
    volumes: list[Volume] = []
    problems: list[Finding] = []
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
    problems = _unfit(image_path, reference_path, image, reference)
    if not problems:
        try:
            check_interpolation(reference.array, named)
        except FormatError as error:
            problems = [_refusal(reference_path, error)]
    if (
        not problems
        and reference.array.ndim == 3
        and not (image.spacing_mm or reference.spacing_mm)
    ):
        problems = [
            Finding(
                where=str(image_path),
                found="no spacing, and none in the reference either",
                expected="millimetres along z, y, x",
                mend="write the scanner's spacing into the header, or hand in NIfTI or MHA",
            )
        ]
    if problems:
        raise CaseFileError(*problems)
    odd = implausible(reference.array.shape, image.spacing_mm or reference.spacing_mm)
    steps = steps_between(reference.array, named)
    unspaced = f"no spacing: that of {image_path.name} was taken" * (
        reference.array.ndim == 3 and reference.spacing_mm is None
    )
    borrowed = f"no spacing: that of {reference_path.name} was taken" * (
        reference.array.ndim == 3 and image.spacing_mm is None
    )
    return (
        replace(image, notes=(*image.notes, *filter(None, (odd, borrowed)))),
        replace(reference, notes=(*reference.notes, *filter(None, (steps, unspaced)))),
    )


def _unfit(
    image_path: Path, reference_path: Path, image: Volume, reference: Volume
) -> list[Finding]:
    """What keeps a reference from being that of an image."""
    faults = list(mismatches(image, reference))
    if image_path.samefile(reference_path):
        faults = [("it is its own image", "the label map of", "look at the pair's two names")]
    return [
        Finding(
            where=str(reference_path),
            found=fault,
            expected=f"{expected} ({image_path.name})",
            mend=mend,
        )
        for fault, expected, mend in faults
    ]
