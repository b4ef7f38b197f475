"""Readers of the formats that images come in: NIfTI, MHA/NRRD, DICOM, and pictures.

Every reader gives arrays in z, y, x order, slices in the order in which the file stores them (as
SimpleITK does for all of them): a volume is never turned or resampled.
"""

# mypy: disallow-untyped-calls=False
# (SimpleITK's functions have no annotations)

import zlib
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813  (the name that everyone gives it)
from PIL import Image

from data_manifest.making.geometry import Affine, Volume, without_depth

__all__ = [
    "FormatError",
    "read_dicom_file",
    "read_itk",
    "read_nifti",
    "read_picture",
    "read_series",
]

_MILLIMETRES = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_GREY = ("L", "I", "F", "I;16", "I;16B", "I;16L")
_NIFTI_ERRORS = (
    nibabel.filebasedimages.ImageFileError,
    nibabel.spatialimages.HeaderDataError,
    EOFError,
    OSError,
    ValueError,
    zlib.error,
)


class FormatError(Exception):
    """A file can't be read as an image; the text says what was found in it."""

    def __init__(self, found: str, expected: str = "", mend: str = "") -> None:
        super().__init__(" ".join(found.split()))  # libraries' messages have lines
        self.expected = expected
        self.mend = mend


def read_nifti(path: Path) -> Volume:
    """Read NIfTI (1 or 2, gzip or not), scaled by its own slope and intercept."""
    try:
        image = nibabel.load(path)
        if not isinstance(image, nibabel.Nifti1Image):  # NIfTI-2's class is derived from it
            raise FormatError(f"{type(image).__name__}", "NIfTI")
        data = np.asanyarray(image.dataobj)
    except _NIFTI_ERRORS as error:
        raise FormatError(f"can't be read as NIfTI: {error}") from error
    while data.ndim > 3 and data.shape[-1] == 1:
        data = data[..., 0]
    if data.ndim not in (2, 3) or 0 in data.shape or data.dtype.kind not in "biuf":
        found = f"NIfTI of shape {data.shape}, dtype {data.dtype}"
        raise FormatError(found, "one volume of real numbers, (x, y, z)")
    unit = _MILLIMETRES.get(image.header.get_xyzt_units()[0], 1.0)
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3] *= unit
    zooms = [float(zoom) * unit for zoom in image.header.get_zooms()[: data.ndim]]
    return Volume(
        array=np.ascontiguousarray(data.T),
        spacing_mm=_checked(tuple(zooms[::-1])),
        affine=affine,
    )


def read_itk(path: Path) -> Volume:
    """Read what SimpleITK reads: MHA/MHD, NRRD, and single DICOM files."""
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise FormatError(f"can't be read: {_last_line(error)}") from error
    return _from_itk(image)


def read_dicom_file(path: Path) -> Volume:
    """Read one DICOM file: a 2D image, or the volume of a multi-frame file."""
    volume = read_itk(path)
    return without_depth(volume)


def read_series(folder: Path) -> Volume:
    """Read a folder with the files of one DICOM series, sorted by their position in space.

    Raises:
        FormatError: no series or several, slices that are missing, doubled or of different sizes.
    """
    reader = sitk.ImageSeriesReader()
    series = reader.GetGDCMSeriesIDs(str(folder))
    if len(series) != 1:
        listed = "; ".join(f"{name}" for name in series[:4])
        found = f"{len(series)} DICOM series ({listed})" if series else "no DICOM series"
        raise FormatError(found, "a folder with one", "give every series a folder of its own")
    names = reader.GetGDCMSeriesFileNames(str(folder), series[0])
    reader.SetFileNames(names)
    reader.MetaDataDictionaryArrayUpdateOn()
    try:
        sitk.ProcessObject.SetGlobalWarningDisplay(False)  # gaps are an error below, not a warning
        image = reader.Execute()
    except RuntimeError as error:
        raise FormatError(f"the series can't be read: {_last_line(error)}") from error
    if len(names) == 1:
        return without_depth(_from_itk(image))
    _check_gaps(image, _positions(reader, len(names)))
    return _from_itk(image)


def _positions(reader: sitk.ImageSeriesReader, count: int) -> npt.NDArray[np.float64]:
    key = "0020|0032"  # Image Position (Patient)
    if not all(reader.HasMetaDataKey(index, key) for index in range(count)):
        raise FormatError("slices without a position", "Image Position (Patient) in every file")
    texts = [reader.GetMetaData(index, key).split("\\") for index in range(count)]
    return np.array(texts, dtype=np.float64)


def _check_gaps(image: sitk.Image, positions: npt.NDArray[np.float64]) -> None:
    """SimpleITK only prints a warning where slices are missing, and takes them as even."""
    normal = np.array(image.GetDirection()).reshape(3, 3)[:, 2]
    steps = np.diff(np.sort(positions @ normal))
    least, most = float(steps.min()), float(steps.max())
    if most - least > 0.01 * most or most == 0:
        raise FormatError(
            f"slices {least:.4g} to {most:.4g} mm apart",
            "even distances",
            "slices are missing or doubled, or the series holds several scans",
        )


def _from_itk(image: sitk.Image) -> Volume:
    axes, colours = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    array = sitk.GetArrayFromImage(image)
    if colours > 1 and axes == 3 and array.shape[0] == 1:
        array = array[0]  # a colour photograph in DICOM
    plain = colours == 1 and axes in (2, 3)
    picture = colours == 3 and array.ndim == 3 and array.dtype == np.uint8
    if not (plain or picture) or array.dtype.kind not in "iuf":
        found = f"{axes} axes, {colours} values a voxel, dtype {array.dtype}"
        raise FormatError(found, "a 2D or 3D image of real numbers, or 2D with uint8 colours")
    spacing = image.GetSpacing()[: 2 if picture else axes]
    return Volume(array=array, spacing_mm=_checked(spacing[::-1]), affine=_affine_of(image))


def _affine_of(image: sitk.Image) -> Affine:
    axes = image.GetDimension()
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(axes, axes)
    affine[:axes, :axes] = direction * np.array(image.GetSpacing())
    affine[:axes, 3] = image.GetOrigin()
    return _LPS_TO_RAS @ affine


def _checked(spacing_mm: tuple[float, ...]) -> tuple[float, ...]:
    if not all(np.isfinite(value) and value > 0 for value in spacing_mm):
        raise FormatError(f"spacing {spacing_mm} mm", "positive numbers")
    return spacing_mm


def _last_line(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].removeprefix("sitk::ERROR:").strip() if lines else "no reason given"


def read_picture(path: Path, *, labels: bool = False) -> Volume:
    """Read PNG, JPEG, BMP or TIFF with one picture.

    A label map's palette is left alone: its colours are the labels' numbers.
    """
    try:
        with Image.open(path) as picture:
            if getattr(picture, "n_frames", 1) != 1:
                raise FormatError("a file of several pictures", "one picture")
            if labels:
                return Volume(array=_label_picture(picture))
            if picture.mode in ("LA", "1"):
                return Volume(array=np.array(picture.convert("L")))
            return Volume(
                array=np.array(picture if picture.mode in _GREY else picture.convert("RGB"))
            )
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        EOFError,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        raise FormatError(f"can't be read as a picture: {error}") from error


def _label_picture(picture: Image.Image) -> npt.NDArray[np.generic]:
    if picture.format == "JPEG":
        raise FormatError("labels in a JPEG", "a format that keeps every value", "use PNG")
    values = np.array(picture)
    if values.ndim == 3:
        grey = values[:, :, :1] if picture.mode != "LA" else values
        if picture.mode not in ("LA", "RGB", "RGBA") or (values[:, :, :3] != grey).any():
            raise FormatError("labels as colours", "one number a pixel: grey, or a palette")
        values = values[:, :, 0]
    return values
