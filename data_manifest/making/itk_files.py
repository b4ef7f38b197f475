"""MetaImage and NRRD: what SimpleITK reads, and what it makes up where the header says nothing."""

# mypy: disallow-untyped-calls=False
# (SimpleITK's functions have no annotations)

import re
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the name that everyone gives it)

from data_manifest.making.geometry import Affine, Volume
from data_manifest.making.image_formats import (
    FormatError,
    check_straight,
    checked_spacing,
    library_messages,
)
from data_manifest.making.whole_files import check_metaimage

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_LARGEST_HEADER = 1 << 16
_COPY = "take a fresh copy, with the file of its data"
_META_PLACE = {"transformmatrix", "rotation", "orientation", "offset", "position", "origin"}
_META_SPACING = {"elementspacing", "elementsize"}
_NAMED_SPACES = re.compile(
    r"(right|left)-(anterior|posterior)-superior(-time)?|[rl][ap]s(t)?", re.IGNORECASE
)

sitk.ProcessObject.SetGlobalWarningDisplay(False)  # what ITK warns of is an error or a note here


def read_itk(path: Path) -> Volume:
    """Read MHA/MHD or NRRD.

    Raises:
        FormatError: unreadable, not one 2D or 3D image of real numbers, or slanted.
    """
    notes: list[str] = []
    reader, spacing, affine = _opened(path, notes)
    with library_messages() as said:
        try:
            image = reader.Execute()
        except RuntimeError as error:
            raise FormatError(
                f"can't be read: {last_line(error)}", "a whole MHA or NRRD file", _COPY
            ) from error
    axes, colours = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    array = sitk.GetArrayFromImage(image)
    picture = colours == 3 and axes == 2 and array.dtype == np.uint8
    plain = colours == 1 and axes in (2, 3)
    if not (plain or picture) or array.dtype.kind not in "iuf":
        fault = f"{axes} axes, {colours} values a voxel, dtype {array.dtype}"
        raise FormatError(
            fault,
            "a 2D or 3D image of real numbers, or 2D with uint8 colours",
            "save each channel, or time, as a file of its own",
        )
    return Volume(array=array, spacing_mm=spacing, affine=affine, notes=(*notes, *said))


def itk_header(path: Path) -> Volume:
    """Shape and place by the header alone, checked as `read_itk` does."""
    notes: list[str] = []
    reader, spacing_mm, affine = _opened(path, notes)
    return Volume(
        array=np.broadcast_to(np.uint8(0), reader.GetSize()[::-1]),
        spacing_mm=spacing_mm,
        affine=affine,
        notes=tuple(notes),
    )


def _opened(path: Path, notes: list[str]) -> tuple[Any, tuple[float, ...] | None, Affine | None]:
    """A reader that has read the header, the spacing, and the place: None where not told."""
    keys = _header(path)
    header = {key.casefold(): value for key, value in reversed(keys.items())}
    is_nrrd = path.name.lower().endswith((".nrrd", ".nhdr"))
    spaced, placed, said = (_nrrd if is_nrrd else _metaimage)(header)
    notes += said if is_nrrd else check_metaimage(path, keys)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    with library_messages():
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise FormatError(
                f"can't be read: {last_line(error)}", "a whole MHA or NRRD file", _COPY
            ) from error
    axes = reader.GetDimension()
    direction = np.array(reader.GetDirection()).reshape(axes, axes)
    if axes > 3:
        return reader, None, None  # which the caller refuses
    check_straight(direction)
    if not np.allclose(np.linalg.norm(direction, axis=0), 1.0, rtol=1e-3):
        raise FormatError(
            "axes that are longer or shorter than 1 beside a spacing of its own",
            "directions of length 1",
            "find out which of both is the scanner's spacing",
        )
    affine = np.eye(4)
    affine[:axes, :axes] = direction * np.array(reader.GetSpacing())
    affine[:axes, 3] = reader.GetOrigin()
    spacing = checked_spacing(reader.GetSpacing()[::-1]) if spaced else None
    return reader, spacing, _LPS_TO_RAS @ affine if placed else None


def _header(path: Path) -> dict[str, str]:
    """The lines `key = value` or `key: value` before the data."""
    with path.open("rb") as stream:
        text = stream.read(_LARGEST_HEADER).decode("latin-1")
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, value = re.match(r"\s*([\w ]+?)\s*[:=]+\s*(.*)", line), ""
        if key is not None:
            value = key[2].strip()
            fields.setdefault(key[1], value)
        # NRRD's data follow an empty line, MetaImage's the key that names their file.
        is_nrrd = text.startswith("NRRD")
        if (is_nrrd and not line.strip()) or (
            key is not None and key[1].casefold() == "elementdatafile"
        ):
            break
    return fields


def _metaimage(fields: dict[str, str]) -> tuple[bool, bool, list[str]]:
    """Whether it says its spacing, whether its place; and notes."""
    slope = fields.get("elementtointensityfunctionslope", "1")
    offset = fields.get("elementtointensityfunctionoffset", "0")
    if (_number(slope), _number(offset)) != (1.0, 0.0):
        raise FormatError(
            f"ElementToIntensityFunctionSlope {slope}, Offset {offset}, which readers leave out",
            "values as they are meant",
            "write the values multiplied, without these keys",
        )
    for key in _META_SPACING & fields.keys():
        checked_spacing(tuple(map(_number, fields[key].split()[::-1])))
    return bool(_META_SPACING & fields.keys()), bool(_META_PLACE & fields.keys()), []


def _nrrd(fields: dict[str, str]) -> tuple[bool, bool, list[str]]:
    units = {unit for unit in re.findall(r'"([^"]*)"', fields.get("space units", "")) if unit}
    units |= {unit for unit in re.findall(r'"([^"]*)"', fields.get("units", "")) if unit}
    if not units <= {"mm", "millimeter", "millimeters", "millimetre"}:
        raise FormatError(
            f"space units {', '.join(sorted(units))}", "mm", "write the spacing in millimetres"
        )
    scaled = sorted({"old min", "oldmin", "old max", "oldmax"} & fields.keys())
    if scaled:
        raise FormatError(
            f"`{scaled[0]}`, by which the values are scaled and which readers leave out",
            "values as they are meant",
            "write the values scaled, without these keys",
        )
    kinds = fields.get("kinds", "").split()
    for index, text in enumerate(fields.get("spacings", "").split()):
        if index >= len(kinds) or kinds[index].casefold() in ("domain", "space"):
            checked_spacing((_number(text),))  # of colours it is nan
    notes = []
    space, directions = fields.get("space", ""), "space directions" in fields
    named = _NAMED_SPACES.fullmatch(space) is not None
    if directions and not named:
        notes.append(
            f"no known space ({space or 'none'}): its spacing was taken, its place was not"
        )
    return directions or "spacings" in fields, directions and named, notes


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise FormatError(f"{text[:40]!r} in the header", "a number", "write it again") from None


def last_line(error: RuntimeError) -> str:
    """What ITK says, without where in its sources it says so."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = lines[-1].removeprefix("sitk::ERROR:").strip() if lines else "no reason given"
    return re.sub(r"^/\S+\.(cxx|hxx|h):\d+:\s*", "", last)
