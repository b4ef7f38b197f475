"""DICOM: a file or a folder with one series, with the geometry that its own tags tell.

SimpleITK decodes the pixels and applies the rescale; where the slices lie, and whether they are
what they seem, is read from every file's tags: SimpleITK takes what is missing as 1 mm, what is
uneven as even, and what is slanted as straight.
"""

# mypy: disallow-untyped-calls=False
# (neither library annotates its functions)

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk  # noqa: N813  (the name that everyone gives it)
from pydicom.errors import BytesLengthException, InvalidDicomError

from data_manifest.making.dicom_geometry import (
    Slices,
    check_class,
    check_length,
    check_pixels,
    place_of,
    slices_of_files,
    slices_of_frames,
)
from data_manifest.making.geometry import Volume, without_depth
from data_manifest.making.image_formats import (
    FormatError,
    library_messages,
)
from data_manifest.making.itk_files import last_line

__all__ = ["BytesLengthException", "read_dicom_file", "read_series"]

_WHOLE = "a whole DICOM file of an image"
_COPY = "take a fresh copy"
_UNPACKED = "convert it with its own software, or to NIfTI (`dcm2niix`)"
_SAME_PLACE_MM = 1e-3


def read_dicom_file(path: Path, *, labels: bool = False) -> Volume:
    """Read one DICOM file: a 2D image, or the volume of an enhanced multi-frame file.

    Raises:
        FormatError: no image, or one whose tags are missing or contradict each other.
    """
    header = _header(path)
    check_class(header)
    notes: list[str] = []
    check_pixels([header], labels=labels)
    array = _decoded(sitk.ImageFileReader(), str(path))
    frames = int(header.get("NumberOfFrames") or 1)
    if frames > 1 and "PerFrameFunctionalGroupsSequence" in header:
        return _volume(array, slices_of_frames(header), [header], notes, labels)
    if frames > 1:
        notes.append(f"{frames} frames without a place: a clip, or slices of unknown distance")
        return Volume(array=array, notes=tuple(notes))
    return _volume(array, slices_of_files([header], notes), [header], notes, labels)


def read_series(folder: Path, *, labels: bool = False) -> Volume:
    """Read a folder with the files of one DICOM series, sorted by their position in space.

    Raises:
        FormatError: no series or several, slices that are missing, doubled, slanted, or of
            different sizes, orientations or kinds.
    """
    with library_messages():  # "no series were found", of which we speak below
        series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
        files = [sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), s) for s in series]
    _check_left_out(folder, {Path(name).name for names in files for name in names})
    for names in files if len(files) > 1 else ():
        check_class(_header(Path(names[0])))  # a segmentation beside its images, by its name
    if len(series) != 1:
        listed = "; ".join(
            f"{name}: {len(names)} files" for name, names in zip(series[:4], files, strict=False)
        )
        fault = f"{len(series)} DICOM series ({listed})" if series else "no DICOM series"
        raise FormatError(fault, "a folder with one", "give every series a folder of its own")
    names = files[0]
    headers = [_header(Path(name)) for name in names]
    for header in headers:
        check_class(header)
    check_pixels(headers, labels=labels)
    if len(names) == 1:
        return read_dicom_file(Path(names[0]), labels=labels)
    notes: list[str] = []
    slices = slices_of_files(headers, notes)
    if slices.positions is None or slices.orientation is None:
        raise FormatError(
            "slices without a position",
            "Image Position and Image Orientation (Patient) in every file",
            "several pictures are cases of their own, one file each",
        )
    along = slices.positions @ np.cross(*slices.orientation)
    order = np.argsort(along, kind="stable")
    doubled = np.flatnonzero(np.diff(along[order]) < _SAME_PLACE_MM)
    if doubled.size:
        pair = [Path(names[order[doubled[0] + i]]).name for i in (0, 1)]
        raise FormatError(
            f"{pair[0]} and {pair[1]} lie at one place; {doubled.size} such pairs",
            "one slice at each place",
            "the series holds several scans, or copies: leave one of each",
        )
    slices = replace(slices, positions=slices.positions[order])
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([names[index] for index in order])
    if _rescale_varies(headers):
        reader.SetOutputPixelType(sitk.sitkFloat64)  # else the first slice's type decides for all
        notes.append("Rescale Slope and Intercept differ from slice to slice: each was applied")
    return _volume(_decoded(reader), slices, headers, notes, labels)


def _header(path: Path) -> pydicom.Dataset:
    try:
        with library_messages(), path.open("rb") as stream:
            header = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
            known = "SOPClassUID" in header or "Rows" in header
            check_length(header, path.stat().st_size - stream.tell(), path.name)
    except (InvalidDicomError, OSError, ValueError, KeyError, EOFError, TypeError) as error:
        raise FormatError(f"{path.name} can't be read as DICOM: {error}", _WHOLE, _COPY) from error
    if not known:
        raise FormatError(
            f"{path.name} can't be read as DICOM: it has no tags of an image", _WHOLE, _COPY
        )
    return header


def _check_left_out(folder: Path, taken: set[str]) -> None:
    """Name a DICOM file that GDCM passes over: it may be a slice that is damaged, or no image."""
    for file in sorted(folder.iterdir()):
        if file.name in taken or file.name.startswith(".") or not file.is_file():
            continue
        with file.open("rb") as stream:
            is_dicom = stream.read(132)[128:] == b"DICM"
        if file.name == "DICOMDIR" or not (is_dicom or file.name.lower().endswith(".dcm")):
            continue
        try:
            check_class(_header(file))
        except FormatError as error:
            mend = f"move it out of the folder; or {error.mend}"
            raise FormatError(f"{file.name}: {error}", error.expected, mend) from error
        raise FormatError(
            f"{file.name} can't be read as a slice", "files of one series", "move it away"
        )


def _decoded(reader: Any, path: str | None = None) -> npt.NDArray[np.generic]:
    if path is not None:
        reader.SetFileName(path)
    with library_messages() as said:
        try:
            image = reader.Execute()
        except RuntimeError as error:
            raise FormatError(
                f"the pixels can't be read: {last_line(error)}", _WHOLE, _UNPACKED
            ) from error
    if said:  # a decoder that failed says so there, and gives zeros
        raise FormatError(
            f"the pixels can't be decoded: {said[0]}", "pixels that are whole", _UNPACKED
        )
    array = sitk.GetArrayFromImage(image)
    colours = image.GetNumberOfComponentsPerPixel()
    if colours > 1 and image.GetDimension() == 3 and array.shape[0] == 1:
        array = array[0]  # a colour photograph
    is_picture = colours == 3 and array.ndim == 3 and array.dtype == np.uint8
    if not (is_picture or colours == 1) or array.dtype.kind not in "iuf":
        fault = f"{array.ndim} axes, {colours} values a voxel, dtype {array.dtype}"
        raise FormatError(
            fault,
            "a 2D or 3D image of real numbers, or 2D with uint8 colours",
            "save each picture, or channel, as a file of its own",
        )
    return np.asarray(array)


def _rescale_varies(headers: Sequence[pydicom.Dataset]) -> bool:
    pairs = Counter(
        tuple(header.get(tag) for tag in ("RescaleSlope", "RescaleIntercept")) for header in headers
    )
    if len(pairs) > 1 and any(None in pair for pair in pairs):
        without = sum(count for pair, count in pairs.items() if None in pair)
        raise FormatError(
            f"{without} of {len(headers)} slices without Rescale Slope and Intercept",
            "both in every file, or in none",
            "find out what the values without them mean",
        )
    return len(pairs) > 1


def _volume(
    array: npt.NDArray[np.generic],
    slices: Slices,
    headers: Sequence[pydicom.Dataset],
    notes: list[str],
    labels: bool,
) -> Volume:
    if headers[0].get("PhotometricInterpretation") == "MONOCHROME1":
        if labels:
            array = _turned_back(array, headers[0])
            notes.append("labels with MONOCHROME1: the stored numbers were taken")
        else:
            notes.append("MONOCHROME1: turned round, so that white is bright")
    affine, spacing = place_of(slices)
    if array.ndim == 3 and array.dtype == np.uint8 and array.shape[-1] == 3 and spacing:
        spacing = spacing[-2:]
    volume = Volume(array=array, spacing_mm=spacing, affine=affine, notes=tuple(notes))
    is_volume = array.ndim == 3 and (slices.positions is None or len(slices.positions) > 1)
    return volume if is_volume and array.shape[0] > 1 else without_depth(volume)


def _turned_back(
    array: npt.NDArray[np.generic], header: pydicom.Dataset
) -> npt.NDArray[np.generic]:
    """The stored numbers: GDCM turns MONOCHROME1 round, within the range of the stored bits."""
    bits = int(header.BitsStored)
    signed = int(header.get("PixelRepresentation", 0)) == 1
    ends = -1.0 if signed else 2.0**bits - 1  # of the lowest and the highest number
    slope, inter = float(header.get("RescaleSlope", 1)), float(header.get("RescaleIntercept", 0))
    return np.asarray(slope * ends + 2 * inter - array.astype(np.float64))
