"""The ground truth of a case, in whichever format its file's name says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_manifest.cases import Reference
from data_manifest.errors import CaseFileError
from data_manifest.layouts import npz_contract
from data_manifest.layouts.formats import NPZ, format_of
from data_manifest.layouts.labels import Buffer
from data_manifest.layouts.masks import MOST_MAPS, OneHot, OpenMask, joined
from data_manifest.layouts.npy_header import NpzError
from data_manifest.layouts.regular_files import PredictionError, files_beside


def read_reference(path: Path, *, one_hot: OneHot = "", into: Buffer | None = None) -> Reference:
    """Read a case's ground truth.

    Args:
        path: the file; the array `gts` of an npz, or a mask of another format.
        one_hot: of a volume in another format, what its first map is if it has a map a label.
        into: memory to use for the labels; what was read into it before is lost.

    Raises:
        CaseFileError: the file, what was found in it, and what was expected.
    """
    if format_of(path.name) in (None, NPZ):
        return npz_contract.read_reference(path, into=into)
    with _opened(path, one_hot) as mask:
        axes = 3 if one_hot else len(mask.shape)
        spacing_mm, _ = _place(path, mask, one_hot)
        labels = mask.labels(into, "refuse").reshape(mask.shape)
        affine = mask.grid().affine if axes == 3 else None
        labels = joined(labels.reshape(-1, *labels.shape[-3:]), one_hot) if one_hot else labels
    return Reference(labels=labels, spacing_mm=spacing_mm, affine=affine)


def read_reference_header(
    path: Path, *, one_hot: OneHot = ""
) -> tuple[tuple[int, ...], tuple[float, ...] | None, tuple[str, ...]]:
    """The shape of a case's ground truth, its spacing, and notes, without reading the labels.

    Raises:
        CaseFileError: as `read_reference`, as far as headers tell.
    """
    if format_of(path.name) in (None, NPZ):
        return (*npz_contract.read_reference_header(path), ())
    with _opened(path, one_hot) as mask:
        shape = mask.shape[-3:] if one_hot else mask.shape
        return (shape, *_place(path, mask, one_hot))


def _place(
    path: Path, mask: OpenMask, one_hot: OneHot
) -> tuple[tuple[float, ...] | None, tuple[str, ...]]:
    """As the builder of cases reads it: in mm, none that the header does not tell; and notes."""
    axes = len(mask.shape)
    if one_hot:  # which the builder refuses
        grid = mask.grid()
        return grid.spacing_mm and grid.spacing_mm[-3:], (grid.doubt,) if grid.doubt else ()
    if path.name.lower().endswith((".png", ".tif", ".tiff")):
        return None, ()
    from data_manifest.making.volume_images import read_header  # its libraries are slow to import

    header = read_header(path)
    return header.spacing_mm and header.spacing_mm[-axes:], header.notes


@contextmanager
def _opened(path: Path, one_hot: OneHot = "") -> Iterator[OpenMask]:
    form = format_of(path.name) or NPZ
    try:
        with path.open("rb") as stream:
            mask = form.open_mask(stream, "", files_beside(path, follow_links=True))
            axes = (3, 4) if one_hot else (2, 3)  # one map looks like none
            if len(mask.shape) not in axes or 0 in mask.shape or mask.shape[:-3] > (MOST_MAPS,):
                raise PredictionError(f"of shape {mask.shape}")
            yield mask
    except (NpzError, PredictionError, OSError) as error:
        shape = "a map of 0 and 1 a label, (N, D, H, W)" if one_hot else "(H, W) or (D, H, W)"
        expected = f"whole labels from 0 to 65535 in a {form.name} file, {shape}"
        raise CaseFileError(where=str(path), found=str(error), expected=expected) from error
