"""NIfTI images: scaled, in millimetres, with their place; what contradicts itself is refused."""

# mypy: disallow-untyped-calls=False
# (nibabel's functions have few annotations)

import math
import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from data_manifest.layouts.nifti import MILLIMETRES
from data_manifest.making.geometry import Affine, Volume, furthest_corner
from data_manifest.making.image_formats import (
    FormatError,
    check_straight,
    checked_spacing,
    library_messages,
)
from data_manifest.making.whole_files import behind, unpacked_size

_ERRORS = (
    nibabel.filebasedimages.ImageFileError,
    nibabel.spatialimages.HeaderDataError,
    EOFError,
    OSError,
    ValueError,
    zlib.error,
)
_GZIP = b"\x1f\x8b"
# The length of a header, by which a file of NIfTI 1 or 2 begins, in either order of bytes.
_HEADERS = {size.to_bytes(4, order) for size in (348, 540) for order in ("little", "big")}
_WHOLE = "a whole NIfTI file"
_COPY = "take a fresh copy"
_PLACE = "write the scanner's place, or set the code to 0"


def read_nifti(path: Path, *, channel: int | None = None) -> Volume:
    """Read NIfTI (1 or 2, gzip or not), scaled by its own slope and intercept.

    Args:
        path: of the file.
        channel: of one with four axes, which volume along the last.

    Raises:
        FormatError: unreadable, not one volume, slanted, or a header that contradicts itself.
    """
    image, unit_name = _opened(path)
    size = unpacked_size(path)
    with library_messages():
        try:
            whole = channel is None or len(image.shape) < 4
            data = np.asanyarray(image.dataobj if whole else image.dataobj[..., channel])
        except _ERRORS as error:
            raise FormatError(f"can't be read as NIfTI: {error}", _WHOLE, _COPY) from error
    while data.ndim > 3 and data.shape[-1] == 1:
        data = data[..., 0]
    if data.ndim not in (2, 3) or 0 in data.shape or data.dtype.kind not in "biuf":
        fault = f"NIfTI of shape {data.shape}, dtype {data.dtype}"
        raise FormatError(
            fault,
            "one volume of real numbers, (x, y, z)",
            "save each volume, or channel, as a file of its own",
        )
    stored_as: Any = image.dataobj
    stored = math.prod(image.shape) * image.get_data_dtype().itemsize
    notes = behind(size, stored_as.offset + stored)
    spacing, affine = _geometry(path, image, unit_name, data.ndim, notes)
    slope, inter = stored_as.slope, stored_as.inter
    return Volume(
        array=np.ascontiguousarray(data.T),
        spacing_mm=spacing,
        affine=affine,
        notes=tuple(notes),
        scaling="" if (slope, inter) == (1, 0) else f"scl_slope {slope:g}, scl_inter {inter:g}",
    )


def nifti_header(path: Path) -> Volume:
    """Shape and place by the header alone, checked as `read_nifti` does.

    Of a file with four axes the shape is (C, D, H, W).
    """
    image, unit_name = _opened(path)
    notes: list[str] = []
    shape = tuple(int(size) for size in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    spacing_mm, affine = _geometry(path, image, unit_name, min(3, len(shape)), notes)
    return Volume(
        array=np.broadcast_to(np.zeros((), image.get_data_dtype()), shape[::-1]),
        spacing_mm=spacing_mm,
        affine=affine,
        notes=tuple(notes),
    )


def _opened(path: Path) -> tuple[nibabel.Nifti1Image, str]:
    """An image whose data are not read yet, and the unit of its spacing."""
    _check_compression(path)
    with library_messages():  # on the header, which is looked at below
        try:
            image = nibabel.load(path)
            if not isinstance(image, nibabel.Nifti1Image):  # NIfTI-2's class is derived from it
                raise FormatError(f"{type(image).__name__}", "NIfTI", "save it as NIfTI")
            return image, str(image.header.get_xyzt_units()[0])
        except KeyError as error:
            raise FormatError(
                "an xyzt_units that the format does not know", "mm", "write it as 2"
            ) from error
        except _ERRORS as error:
            raise FormatError(f"can't be read as NIfTI: {error}", _WHOLE, _COPY) from error


def _geometry(
    path: Path, image: nibabel.Nifti1Image, unit_name: str, axes: int, notes: list[str]
) -> tuple[tuple[float, ...], Affine | None]:
    unit = MILLIMETRES[unit_name]
    if unit != 1.0:
        notes.append(f"spacing in {unit_name}, taken as millimetres times {unit:g}")
    stored = _stored_spacing(path, image)
    spacing = checked_spacing(tuple(float(zoom) * unit for zoom in stored[:axes][::-1]))
    return spacing, _place(image, spacing, unit, notes)


def _check_compression(path: Path) -> None:
    with path.open("rb") as stream:
        head = stream.read(40)
    packed = head.startswith(_GZIP)
    if head and not packed and head[:4] not in _HEADERS:
        raise FormatError(f"can't be read as NIfTI: it begins with {head!r}", _WHOLE, _COPY)
    named = path.name.lower().endswith(".gz")
    if path.stat().st_size and packed != named:
        is_named = "ends in .gz" if named else "does not end in .gz"
        raise FormatError(
            f"can't be read: it is {'' if packed else 'not '}compressed, and its name {is_named}",
            "a name that says what it is",
            f"rename it to {path.name.removesuffix('.gz') if named else path.name + '.gz'}",
        )


def _stored_spacing(path: Path, image: nibabel.Nifti1Image) -> np.ndarray:
    """Spacing as it is in the file: nibabel replaces what is negative or zero."""
    with nibabel.openers.ImageOpener(str(path)) as stream:
        header = type(image.header).from_fileobj(stream, check=False)
    return np.asarray(header["pixdim"][1:4], dtype=np.float64)


def _place(
    image: nibabel.Nifti1Image, spacing: tuple[float, ...], unit: float, notes: list[str]
) -> Affine | None:
    """From voxels to millimetres in RAS+; None where the file names no place."""
    try:
        sform = image.header.get_sform(coded=True)[0]
        qform = image.header.get_qform(coded=True)[0]
    except _ERRORS as error:
        raise FormatError(f"a qform that is no rotation: {error}", "a rotation", _PLACE) from error
    places = {}
    for name, placement in (("sform", sform), ("qform", qform)):
        if placement is None:
            continue
        affine = np.array(placement, dtype=np.float64)
        affine[:3] *= unit
        if not np.isfinite(affine).all():
            raise FormatError(f"a {name} with nan", "numbers", _PLACE)
        check_straight(affine)
        sides = np.linalg.norm(affine[:3, : len(spacing)], axis=0)[::-1]
        if not np.allclose(sides, spacing, rtol=1e-3, atol=0):
            shown = [", ".join(f"{v:.5g}" for v in values) for values in (sides, spacing)]
            raise FormatError(
                f"spacing ({shown[0]}) mm (z, y, x) in the {name} and ({shown[1]}) in pixdim",
                "one spacing",
                "find out which is the scanner's, and write both alike",
            )
        places[name] = affine
    if len(places) == 2:
        shape = tuple(image.shape[:3][::-1])
        apart = furthest_corner(places["sform"], places["qform"], shape)
        if apart > 0.1 * min(spacing):
            notes.append(f"sform and qform lie up to {apart:.3g} mm apart; the sform was taken")
    return places.get("sform", places.get("qform"))
