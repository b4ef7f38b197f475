"""The ground truth of a case, in whichever format its file's name says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_manifest.cases import Reference
from data_manifest.errors import CaseFileError
from data_manifest.layouts import npz_contract
from data_manifest.layouts.formats import NPZ, format_of
from data_manifest.layouts.labels import Buffer
from data_manifest.layouts.masks import OpenMask
from data_manifest.layouts.npy_header import NpzError
from data_manifest.layouts.regular_files import PredictionError


def read_reference(path: Path, *, into: Buffer | None = None) -> Reference:
    """Read a case's ground truth.

    Args:
        path: the file; the array `gts` of an npz, or a mask of another format.
        into: memory to use for the labels; what was read into it before is lost.

    Raises:
        CaseFileError: the file, what was found in it, and what was expected.
    """
    if format_of(path.name) in (None, NPZ):
        return npz_contract.read_reference(path, into=into)
    with _opened(path) as mask:
        spacing_mm, _ = _place(path, len(mask.shape))
        labels = mask.labels(into, "refuse").reshape(mask.shape)
        affine = mask.grid().affine if len(mask.shape) == 3 else None
    return Reference(labels=labels, spacing_mm=spacing_mm, affine=affine)


def read_reference_header(
    path: Path,
) -> tuple[tuple[int, ...], tuple[float, ...] | None, tuple[str, ...]]:
    """The shape of a case's ground truth, its spacing, and notes, without reading the labels.

    Raises:
        CaseFileError: as `read_reference`, as far as headers tell.
    """
    if format_of(path.name) in (None, NPZ):
        return (*npz_contract.read_reference_header(path), ())
    with _opened(path) as mask:
        return (mask.shape, *_place(path, len(mask.shape)))


def _place(path: Path, axes: int) -> tuple[tuple[float, ...] | None, tuple[str, ...]]:
    """As the builder of cases reads it: in mm, none that the header does not tell; and notes."""
    if path.name.lower().endswith((".png", ".tif", ".tiff")):
        return None, ()
    from data_manifest.making.volume_images import read_header  # its libraries are slow to import

    header = read_header(path)
    return header.spacing_mm and header.spacing_mm[-axes:], header.notes


@contextmanager
def _opened(path: Path) -> Iterator[OpenMask]:
    form = format_of(path.name) or NPZ
    try:
        with path.open("rb") as stream:
            mask = form.open_mask(stream, "")
            if len(mask.shape) not in (2, 3) or 0 in mask.shape:
                raise PredictionError(f"of shape {mask.shape}")
            yield mask
    except (NpzError, PredictionError, OSError) as error:
        expected = f"whole labels from 0 to 65535 in a {form.name} file, (H, W) or (D, H, W)"
        raise CaseFileError(where=str(path), found=str(error), expected=expected) from error
