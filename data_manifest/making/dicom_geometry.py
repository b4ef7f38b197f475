"""Where the slices of DICOM files lie, by every file's own tags; what is uneven is refused."""

# mypy: disallow-untyped-calls=False
import math

# mypy: disallow-untyped-calls=False
# (pydicom does not annotate its functions)
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom

from data_manifest.making.geometry import Affine
from data_manifest.making.image_formats import FormatError, check_straight, checked_spacing

_AS_NUMBERS = "hand in the label map itself, as NIfTI, MHA or PNG"
_CONVERT = "convert it first to a label map on its image's grid, e.g. with"
_NO_IMAGES = {
    "1.2.840.10008.5.1.4.1.1.66.4": f"{_CONVERT} dcmqi's `segimage2itkimage` or highdicom",
    "1.2.840.10008.5.1.4.1.1.66.7": f"{_CONVERT} dcmqi's `segimage2itkimage` or highdicom",
    "1.2.840.10008.5.1.4.1.1.66.5": f"{_CONVERT} 3D Slicer",
    "1.2.840.10008.5.1.4.1.1.481.3": f"{_CONVERT} `dcmrtstruct2nii` or plastimatch",
    "1.2.840.10008.5.1.4.1.1.481.2": "a dose is no image of the body",
    "1.2.840.10008.5.1.4.1.1.30": "export the map as NIfTI",
}


def check_class(header: pydicom.Dataset) -> None:
    """Nothing, if a file is an image by its SOP class.

    Raises:
        FormatError: it is a segmentation, a structure set, a report, a dose, or has no pixels.
    """
    uid = header.get("SOPClassUID") or ""
    if uid in _NO_IMAGES or "Rows" not in header:
        name = pydicom.uid.UID(uid).name.removesuffix(" Storage") if uid else "no SOP class"
        raise FormatError(
            f"a DICOM file of another kind: {name}",
            "an image",
            _NO_IMAGES.get(uid, "hand in the image, or a label map, itself"),
        )


def check_length(header: pydicom.Dataset, size: int, name: str) -> None:
    """Nothing, if behind a header that says plain pixels are as many bytes as these take.

    Raises:
        FormatError: there are fewer, of which a decoder makes up the rest.
    """
    syntax = getattr(header, "file_meta", pydicom.Dataset()).get("TransferSyntaxUID")
    if syntax is None or syntax.is_compressed or "Rows" not in header:
        return
    sizes = ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "BitsAllocated")
    bits = math.prod(int(header.get(tag) or 1) for tag in sizes)
    subsampled = str(header.get("PhotometricInterpretation", "")).endswith(("_422", "_420"))
    if size and not subsampled and size < bits // 8:
        raise FormatError(
            f"{name} can't be read as DICOM: fewer than the {bits // 8} bytes of its pixels",
            "a whole file",
            "take a fresh copy",
        )


def check_pixels(headers: Sequence[pydicom.Dataset], *, labels: bool) -> None:
    """Nothing, if all files' pixels are stored in one way, and in one that is read as meant.

    Raises:
        FormatError: they are not.
    """
    for tag in ("Rows", "Columns", "PhotometricInterpretation", "BitsStored"):
        values = sorted({str(header.get(tag)) for header in headers})
        if len(values) > 1:
            raise FormatError(
                f"slices of different {tag}: {', '.join(values[:4])}",
                "one for all",
                "the series holds several scans: part them",
            )
    header = headers[0]
    bits, high = header.get("BitsStored"), header.get("HighBit")
    if bits is not None and high is not None and int(high) != int(bits) - 1:
        raise FormatError(
            f"High Bit {high} with Bits Stored {bits}", f"High Bit {int(bits) - 1}", "save it again"
        )
    if any(header.get("RescaleSlope") == 0 for header in headers):
        raise FormatError(
            "Rescale Slope 0, which readers leave out", "another slope, or none", "save it again"
        )
    if any("ModalityLUTSequence" in header for header in headers):
        raise FormatError(
            "a Modality LUT, which readers leave out",
            "Rescale Slope and Intercept",
            "convert it to NIfTI with its own software",
        )
    if labels and int(header.get("SamplesPerPixel") or 1) != 1:
        raise FormatError("labels as colours", "one number a pixel", _AS_NUMBERS)
    if labels and header.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise FormatError("labels with a palette, which is applied", "MONOCHROME2", _AS_NUMBERS)


_Vectors = npt.NDArray[np.float64]
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_TILT = 2e-3
"""A tenth of a degree, as a slope; with 0.01 mm for positions that are written with few digits."""
_UNEVEN = 0.01
_ONE_SCAN = "the series holds several scans: part them"
_UNPACKED = "convert it with its own software, or to NIfTI (`dcm2niix`)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """Where slices lie.

    Attributes:
        in_plane_mm: spacing of rows, then of columns; None where it is not told.
        orientation: the directions of a row and of a column, (2, 3); None where not told.
        positions: of each slice's first voxel, (n, 3); None where not told.
    """

    in_plane_mm: tuple[float, float] | None
    orientation: _Vectors | None
    positions: _Vectors | None


def slices_of_files(headers: Sequence[pydicom.Dataset], notes: list[str]) -> Slices:
    """Of single files, in their order; adds to the notes what stands for a missing spacing."""
    in_plane = {_in_plane(header, notes) for header in headers}
    if len(in_plane) > 1:
        raise FormatError("slices of different Pixel Spacing", "one grid", _ONE_SCAN)
    positions = [header.get("ImagePositionPatient") for header in headers]
    orientations = [header.get("ImageOrientationPatient") for header in headers]
    return Slices(
        in_plane_mm=in_plane.pop(),
        orientation=_one_orientation(orientations),
        positions=_vectors(positions),
    )


def slices_of_frames(header: pydicom.Dataset) -> Slices:
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
    return Slices(
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


def place_of(slices: Slices) -> tuple[Affine | None, tuple[float, ...] | None]:
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
