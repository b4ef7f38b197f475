"""A case's images as they are stored: the challenge's npz, or the files that they came in."""

# mypy: disallow-untyped-calls=False
# (SimpleITK's functions have no annotations)

from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs
from data_manifest.errors import CaseFileError
from data_manifest.layouts.formats import NPZ, format_of
from data_manifest.layouts.npz_contract import read_inputs
from data_manifest.manifest import Case, FileEntry

VOLUMES = frozenset({"mha", "nii", "nii.gz", "nrrd"})
"""Formats that can become one another: all hold intensities with their spacing and their place."""


def read_case(root: Path, case: Case) -> CaseInputs:
    """Read a case's images and prompts; files of other formats than npz are scaled to uint8.

    Args:
        root: folder of the data set.
        case: its entry in the manifest.

    Raises:
        CaseFileError: the file, what was found in it, and what was expected.
    """
    first = root / case.image.path
    if format_of(first.name) in (None, NPZ):
        return read_inputs(first)
    names = case.channels or ("",)
    files: list[tuple[FileEntry, int | None]] = [(entry, None) for entry in case.images]
    if len(files) < len(names):
        files = [(case.image, channel) for channel in range(len(names))]
    images = [
        _seen(root / entry.path, case, name, channel)
        for (entry, channel), name in zip(files, names, strict=True)
    ]
    return CaseInputs(
        image=images[0], further=tuple(images[1:]), prompts=(), spacing_mm=case.spacing_mm
    )


def _seen(path: Path, case: Case, name: str, channel: int | None) -> npt.NDArray[np.uint8]:
    """One channel for eyes, (H, W, 3) or (D, H, W)."""
    from data_manifest.making.intensities import to_uint8
    from data_manifest.making.volume_images import read_volume  # its libraries are slow to import
    from data_manifest.naming import canonical_modality  # knows the formats

    volume = read_volume(path, channel=channel)
    array = volume.array
    if len(case.shape) == 2 and array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    try:
        return to_uint8(array, modality=canonical_modality(name) or case.modality)
    except ValueError as error:
        raise CaseFileError(
            where=str(path), found=str(error), expected="an image that can be drawn"
        ) from error


def image_header(path: Path) -> tuple[tuple[int, ...], tuple[float, ...] | None]:
    """Shape and spacing of an image in array order, (C, D, H, W) of one with four axes.

    Raises:
        CaseFileError: it can't be read.
    """
    from data_manifest.making.volume_images import read_header  # its libraries are slow to import

    header = read_header(path)
    return header.array.shape, header.spacing_mm


def convert_volume(source: Path, target: Path) -> None:
    """Write a volume in another of `VOLUMES`; values, spacing and place stay.

    Raises:
        CaseFileError: it can't be read.
    """
    _written(source, target, "")


def turn_volume(source: Path, target: Path, axes: str) -> None:
    """Write a volume with its axes in another order or direction; nothing is resampled.

    Args:
        source: of `VOLUMES`.
        target: of `VOLUMES`.
        axes: where they are to point, such as `LPS`.

    Raises:
        CaseFileError: it can't be read.
    """
    _written(source, target, axes)


def _written(source: Path, target: Path, axes: str) -> None:
    import SimpleITK as sitk  # noqa: N813  (slow to import; the name that everyone gives it)

    try:
        image = sitk.ReadImage(str(source))
        image = sitk.DICOMOrient(image, axes) if axes else image
        sitk.WriteImage(image, str(target), useCompression=True)
    except RuntimeError as error:
        expected = "an image that SimpleITK reads"
        fault = str(error).splitlines()[-1]
        raise CaseFileError(where=str(source), found=fault, expected=expected) from error


def read_stored_inputs(path: Path) -> CaseInputs | None:
    """Read a case's inputs that came as a file of the challenge; None for any other format.

    Raises:
        CaseFileError: it is no such file inside.
    """
    return read_inputs(path) if format_of(path.name) is NPZ else None
