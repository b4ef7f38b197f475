"""DICOM: a file or a folder with one series, with the geometry that its own tags tell.

SimpleITK decodes the pixels and applies the rescale; where the slices lie, and whether they are
what they seem, is read from every file's tags: SimpleITK takes what is missing as 1 mm, what is
uneven as even, and what is slanted as straight.
"""

# mypy: disallow-untyped-calls=False
# (neither library annotates its functions)

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk  # noqa: N813  (the name that everyone gives it)
from pydicom.errors import InvalidDicomError

from data_manifest.making.dicom_classes import check_class, check_pixels
from data_manifest.making.geometry import Affine, Volume, without_depth
from data_manifest.making.image_formats import (
    FormatError,
    check_straight,
    checked_spacing,
    library_messages,
)
from data_manifest.making.itk_files import last_line

__all__ = ["read_dicom_file", "read_series"]

_Vectors = npt.NDArray[np.float64]
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_TILT = 2e-3
"""A tenth of a degree, as a slope; with 0.01 mm for positions that are written with few digits."""
_UNEVEN = 0.01
_WHOLE = "a whole DICOM file of an image"
_COPY = "take a fresh copy"
_UNPACKED = "convert it with its own software, or to NIfTI (`dcm2niix`)"
_ONE_SCAN = "the series holds several scans: part them"
_SAME_PLACE_MM = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slices:
    """Where slices lie.

    Attributes:
        in_plane_mm: spacing of rows, then of columns; None where it is not told.
        orientation: the directions of a row and of a column, (2, 3); None where not told.
        positions: of each slice's first voxel, (n, 3); None where not told.
    """

    in_plane_mm: tuple[float, float] | None
    orientation: _Vectors | None
    positions: _Vectors | None


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
        return _volume(array, _of_frames(header), [header], notes, labels)
    if frames > 1:
        notes.append(f"{frames} frames without a place: a clip, or slices of unknown distance")
        return Volume(array=array, notes=tuple(notes))
    return _volume(array, _of_files([header], notes), [header], notes, labels)


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
    slices = _of_files(headers, notes)
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
        with library_messages():
            header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            known = "SOPClassUID" in header or "Rows" in header
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


def _of_files(headers: Sequence[pydicom.Dataset], notes: list[str]) -> _Slices:
    in_plane = {_in_plane(header, notes) for header in headers}
    if len(in_plane) > 1:
        raise FormatError("slices of different Pixel Spacing", "one grid", _ONE_SCAN)
    positions = [header.get("ImagePositionPatient") for header in headers]
    orientations = [header.get("ImageOrientationPatient") for header in headers]
    return _Slices(
        in_plane_mm=in_plane.pop(),
        orientation=_one_orientation(orientations),
        positions=_vectors(positions),
    )


def _of_frames(header: pydicom.Dataset) -> _Slices:
    """Of an enhanced file, whose tags stand in groups that are shared or a frame's own."""
    frames = header.PerFrameFunctionalGroupsSequence
    shared = (header.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()])[0]

    def each(group: str, tag: str) -> list[Any]:
        holders = [frame if group in frame else shared for frame in frames]
        return [holder[group][0].get(tag) if group in holder else None for holder in holders]

    for tag in ("RescaleSlope", "RescaleIntercept"):
        if len({str(v) for v in each("PixelValueTransformationSequence", tag)}) > 1:
            raise FormatError(f"frames of different {tag}", "one for all frames", _UNPACKED)
    spacings = {
        tuple(map(float, spacing)) if spacing else None
        for spacing in each("PixelMeasuresSequence", "PixelSpacing")
    }
    if len(spacings) > 1:
        raise FormatError("frames of different Pixel Spacing", "one grid", _ONE_SCAN)
    spacing = spacings.pop()
    return _Slices(
        in_plane_mm=None if spacing is None else (spacing[0], spacing[1]),
        orientation=_one_orientation(each("PlaneOrientationSequence", "ImageOrientationPatient")),
        positions=_vectors(each("PlanePositionSequence", "ImagePositionPatient")),
    )


def _in_plane(header: pydicom.Dataset, notes: list[str]) -> tuple[float, float] | None:
    """Spacing of rows and of columns; a detector's where that of the patient is not told."""
    for tag, what in (
        ("PixelSpacing", ""),
        ("ImagerPixelSpacing", "Imager Pixel Spacing, which is the detector's"),
        ("NominalScannedPixelSpacing", "Nominal Scanned Pixel Spacing"),
    ):
        value = header.get(tag)
        if value is None or len(value) != 2:
            continue
        note = f"no Pixel Spacing; {what} was taken"
        if what and note not in notes:
            notes.append(note)
        return float(value[0]), float(value[1])
    return None


def _vectors(values: Sequence[Any]) -> _Vectors | None:
    if any(value is None or len(value) != 3 for value in values):
        return None
    return np.array([[float(x) for x in value] for value in values])


def _one_orientation(values: Sequence[Any]) -> _Vectors | None:
    known = [np.array([float(x) for x in v]) for v in values if v is not None and len(v) == 6]
    if len(known) < len(values):
        return None
    if not all(np.allclose(value, known[0], atol=1e-3) for value in known):
        raise FormatError(
            "slices of different Image Orientation", "parallel slices", "leave out the localizer"
        )
    return known[0].reshape(2, 3)


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
    slices: _Slices,
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
    affine, spacing = _place(slices)
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


def _place(slices: _Slices) -> tuple[Affine | None, tuple[float, ...] | None]:
    """From voxels to RAS+, and the spacing (z, y, x); of one slice both are without depth."""
    in_plane, orientation, positions = slices.in_plane_mm, slices.orientation, slices.positions
    if in_plane is not None:
        checked_spacing(in_plane)
    if orientation is None or positions is None or in_plane is None:
        if positions is not None and len(positions) > 1:
            raise FormatError(
                "slices without Pixel Spacing",
                "Pixel Spacing in every file",
                "hand in NIfTI or MHA with the scanner's spacing",
            )
        return None, None if in_plane is None else (1.0, *in_plane)
    row, column = orientation
    normal = np.cross(row, column)
    step = normal
    if len(positions) > 1:
        step = (positions[-1] - positions[0]) / (len(positions) - 1)
        _check_steps(positions, normal)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = row * in_plane[1], column * in_plane[0], step
    affine[:3, 3] = positions[0]
    affine = _LPS_TO_RAS @ affine
    check_straight(affine)
    return affine, checked_spacing((float(np.linalg.norm(step)), *in_plane))


def _check_steps(positions: _Vectors, normal: _Vectors) -> None:
    along = (positions - positions[0]) @ normal
    sideways = np.linalg.norm(positions - positions[0] - along[:, None] * normal, axis=1).max()
    extent = float(np.abs(along).max())
    if sideways > _TILT * extent + 0.01:
        raise FormatError(
            f"slices that shift sideways, by up to {sideways:.3g} mm over {extent:.4g} mm (a"
            " gantry's tilt)",
            "slices that lie straight above each other",
            "resample image and reference onto a straight grid",
        )
    steps = np.abs(np.diff(along))
    least, most = float(steps.min()), float(steps.max())
    if most - least > _UNEVEN * most + 0.01 or most == 0 or len(set(np.sign(np.diff(along)))) > 1:
        raise FormatError(
            f"slices {least:.4g} to {most:.4g} mm apart",
            "even distances",
            "slices are missing or doubled, or the series holds several scans",
        )
