"""A case's two files in the challenge's npz layout: inputs (image, boxes, spacing) and reference.

Arrays are in z, y, x order; the files keep the spacing in x, y, z, as SimpleITK gives it. This
module turns it round once, on reading and writing, and nothing else needs to know.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs, Reference
from data_manifest.errors import CaseFileError
from data_manifest.layouts.labels import Buffer
from data_manifest.layouts.masks import Grid, OpenMask
from data_manifest.layouts.npz import NpzArchive, NpzError
from data_manifest.layouts.npz_writing import write_npz
from data_manifest.prompts import KINDS, WrongPromptsError

_MAX_ITEMSIZE = 8


def _fail(path: Path, found: str, expected: str) -> CaseFileError:
    mend = "make the case again with `segjudge manifest build`"
    return CaseFileError(where=str(path), found=found, expected=expected, mend=mend)


@contextmanager
def _opened(path: Path, expected: str) -> Iterator[NpzArchive]:
    """An open case file; what is wrong with it becomes one line that names it."""
    try:
        with NpzArchive(path) as archive:
            yield archive
    except NpzError as error:
        raise _fail(path, str(error), expected) from error


def _spacing(archive: NpzArchive, path: Path, axes: int) -> tuple[float, ...] | None:
    """The spacing in the array's axis order; the file keeps it as x, y(, z)."""
    if "spacing" not in archive.names:
        return None
    stored = np.asarray(archive.array("spacing"), dtype=np.float64)
    if axes == 2 and stored.shape == (3,):
        stored = stored[:2]  # some writers keep a z spacing for one slice
    expected = f"`spacing`: {axes} positive numbers in mm, in x, y(, z) order"
    if stored.shape != (axes,) or not np.all(np.isfinite(stored)) or not np.all(stored > 0):
        raise _fail(path, f"spacing {stored.tolist()}", expected)
    return tuple(float(value) for value in stored[::-1])


def read_inputs(path: Path) -> CaseInputs:
    """Read a case's inputs.

    Raises:
        CaseFileError: the file, what was found in it, and what was expected.
    """
    expected = "`imgs`, uint8, (H, W, 3) or (D, H, W)"
    with _opened(path, expected) as archive:
        image = archive.array("imgs")
        if image.dtype != np.uint8 or image.ndim != 3 or 0 in image.shape:
            fault = f"`imgs` of dtype {image.dtype}, shape {image.shape}"
            raise _fail(path, fault, "uint8, (H, W, 3) or (D, H, W)")
        try:
            prompts = tuple(
                kind.stored(archive.array, image.shape)
                for kind in KINDS.values()
                if set(kind.keys) <= set(archive.names)
            )
        except WrongPromptsError as error:
            raise _fail(path, error.found, error.expected) from error
        spacing_mm = _spacing(archive, path, prompts[0].axes if prompts else 3)
    return CaseInputs(
        image=image.astype(np.uint8, copy=False), prompts=prompts, spacing_mm=spacing_mm
    )


def surplus_arrays(path: Path, prompts: Iterable[str]) -> list[str]:
    """What a case's inputs hold besides the image, its spacing and prompts of these kinds.

    It would reach the participants.

    Raises:
        CaseFileError: the file is no archive.
    """
    known = {"imgs", "spacing", *(key for kind in prompts for key in KINDS[kind].keys)}
    with _opened(path, "an npz archive") as archive:
        return sorted(set(archive.names) - known)


_REFERENCE = "`gts`, integer labels from 0 to 65535, (H, W) or (D, H, W)"


def _checked_header(archive: NpzArchive, path: Path) -> tuple[int, ...]:
    header = archive.header("gts")
    shape = header.shape
    if header.dtype.kind not in "biuf" or len(shape) not in (2, 3) or 0 in shape:
        raise _fail(path, f"`gts` of dtype {header.dtype}, shape {shape}", _REFERENCE)
    return shape


def read_reference(path: Path, *, into: Buffer | None = None) -> Reference:
    """Read a case's ground truth.

    Args:
        path: the file.
        into: memory to use for the labels; what was read into it before is lost.

    Raises:
        CaseFileError: the file, what was found in it, and what was expected.
    """
    with _opened(path, _REFERENCE) as archive:
        shape = _checked_header(archive, path)
        labels = archive.label_map("gts", into=into)
        return Reference(labels=labels, spacing_mm=_spacing(archive, path, len(shape)))


def read_reference_header(path: Path) -> tuple[tuple[int, ...], tuple[float, ...] | None]:
    """The shape of a case's ground truth and its spacing, without reading the labels.

    Raises:
        CaseFileError: as `read_reference`, as far as headers tell.
    """
    with _opened(path, _REFERENCE) as archive:
        shape = _checked_header(archive, path)
        return shape, _spacing(archive, path, len(shape))


def open_npz(stream: BinaryIO, key: str, *, last_counts: bool = False) -> OpenMask:
    """Read the header of the array that is a mask; others in the archive are ignored.

    Args:
        stream: the archive.
        key: of the array.
        last_counts: of several arrays of one name.

    Raises:
        NpzError: with the reason why not; so does reading the labels.
    """
    archive = NpzArchive(stream, last_counts=last_counts)
    header = archive.header(key)
    if header.dtype.kind not in "biuf":
        raise NpzError(
            f"array `{key}` has dtype {header.dtype}; expected integers"
            " (objects need pickle, which is never read)"
        )
    return OpenMask(
        shape=header.shape,
        dtype=header.dtype,
        has_slice_axis=False,
        grid=Grid,
        labels=lambda into, fractions: archive.label_map(
            key, max_bytes=math.prod(header.shape) * _MAX_ITEMSIZE, into=into, fractions=fractions
        ),
    )


def write_inputs(path: Path, inputs: CaseInputs) -> None:
    """Write a case's inputs; the same arrays give the same bytes."""
    arrays: dict[str, npt.NDArray[np.generic]] = {"imgs": inputs.image}
    for prompts in inputs.prompts:
        arrays.update(prompts.arrays())
    if inputs.spacing_mm is not None:
        arrays["spacing"] = np.asarray(inputs.spacing_mm[::-1], dtype=np.float64)
    if inputs.previous is not None:
        arrays["prev_pred"] = inputs.previous
    write_npz(path, arrays)


def write_reference(path: Path, reference: Reference) -> None:
    """Write a case's ground truth; the same arrays give the same bytes."""
    arrays: dict[str, npt.NDArray[np.generic]] = {"gts": reference.labels}
    if reference.spacing_mm is not None:
        arrays["spacing"] = np.asarray(reference.spacing_mm[::-1], dtype=np.float64)
    write_npz(path, arrays)
