"""The formats that a case's files and masks come in: one record a format, one module a reader.

A new format is a record here and the module that it names; protocols then know it by its name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from data_manifest.cases import CaseInputs
from data_manifest.layouts.cvpr25_files import write_cvpr25
from data_manifest.layouts.masks import OpenMask
from data_manifest.layouts.metaimage import open_metaimage, write_metaimage
from data_manifest.layouts.nifti import open_nifti, write_nifti
from data_manifest.layouts.npz import array_headers
from data_manifest.layouts.npz_contract import open_npz, write_inputs
from data_manifest.layouts.nrrd import open_nrrd
from data_manifest.layouts.png import open_png
from data_manifest.layouts.regular_files import Beside, PredictionError
from data_manifest.layouts.tiff import open_tiff


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How files of one format are read and written.

    Attributes:
        name: in protocols; a file's name ends in it, after a dot, or in `ending`.
        open_mask: reads a mask's header, of this key where the format has keys, and may open files
            beside it; PredictionError or NpzError where it is none.
        write_inputs: writes what a container gets of a case; ValueError where the format can't
            hold it; None where a container never gets a file of this format.
        media_type: as RO-Crates and web servers name it.
        is_compressed: whether compressing a file again is in vain.
        image_dimensions: of the cases whose image `write_inputs` can write.
        mask_dimensions: of the cases whose mask a file can be.
        has_keys: whether a file holds several arrays by name.
        is_split: whether the numbers are in another file than the header; no container leaves such.
        kit: which reader and writer `segjudge init` gives for it; empty for none.
        holds_prompts: whether the prompts lie in the image's own file.
        pickles_prompts: whether they are pickled objects there.
        told_as: the format of the same files that a container is told of, where masks are only
            read otherwise; empty for its own name.
    """

    name: str
    open_mask: Callable[[BinaryIO, str, Beside], OpenMask]
    write_inputs: Callable[[Path, CaseInputs], None] | None = None
    media_type: str = "application/octet-stream"
    is_compressed: bool = True
    image_dimensions: tuple[str, ...] = ("2D", "3D")
    mask_dimensions: tuple[str, ...] = ("2D", "3D")
    has_keys: bool = False
    is_split: bool = False
    kit: str = ""
    holds_prompts: bool = False
    pickles_prompts: bool = False
    ending: str = ""
    told_as: str = ""

    @property
    def suffix(self) -> str:
        """What the name of a file ends in."""
        return f".{self.ending or self.name}"

    def headers(self, stream: BinaryIO) -> Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape and dtype of every array by its key; "" in a format without keys.

        Raises:
            NpzError, PredictionError: not a file of this format.
        """
        if self.has_keys:
            return {key: (h.shape, h.dtype) for key, h in array_headers(stream).items()}
        mask = self.open_mask(stream, "", _nothing_beside)
        return {"": (mask.shape, mask.dtype)}


def _nothing_beside(name: str) -> BinaryIO:
    raise PredictionError("only headers are read here")


def _keyless(
    open_mask: Callable[[BinaryIO], OpenMask],
) -> Callable[[BinaryIO, str, Beside], OpenMask]:
    return lambda stream, _key, _beside: open_mask(stream)


def _open_array(stream: BinaryIO, key: str, _beside: Beside) -> OpenMask:
    return open_npz(stream, key)


def _open_last(stream: BinaryIO, key: str, _beside: Beside) -> OpenMask:
    return open_npz(stream, key, last_counts=True)


NPZ = Format(
    name="npz",
    open_mask=_open_array,
    write_inputs=write_inputs,
    media_type="application/zip",
    has_keys=True,
    kit="cases",
    holds_prompts=True,
)
"""The challenge's own: image, prompts and spacing in one file, and the one cases are stored in."""

FORMATS: Mapping[str, Format] = {
    form.name: form
    for form in (
        NPZ,
        # As numpy reads it: of several arrays of one name the last counts.
        replace(
            NPZ,
            name="npz-numpy",
            ending="npz",
            told_as="npz",
            open_mask=_open_last,
            write_inputs=None,
        ),
        Format(
            name="npz-cvpr25",
            ending="npz",
            open_mask=_open_array,
            write_inputs=write_cvpr25,
            image_dimensions=("3D",),
            has_keys=True,
            kit="cases",
            pickles_prompts=True,
            holds_prompts=True,
        ),
        Format(
            name="nii.gz",
            media_type="application/gzip",
            open_mask=_keyless(partial(open_nifti, compressed=True)),
            kit="volumes",
            write_inputs=write_nifti,
            image_dimensions=("3D",),
        ),
        Format(
            name="nii",
            is_compressed=False,
            open_mask=_keyless(partial(open_nifti, compressed=False)),
            kit="volumes",
            write_inputs=write_nifti,
            image_dimensions=("3D",),
        ),
        Format(
            name="mha",
            is_compressed=False,
            open_mask=_keyless(open_metaimage),
            write_inputs=write_metaimage,
            kit="volumes",
            image_dimensions=("3D",),
        ),
        Format(
            name="mhd",
            is_split=True,
            open_mask=lambda stream, _key, beside: open_metaimage(stream, beside),
        ),
        Format(name="nrrd", open_mask=_keyless(open_nrrd), kit="volumes"),
        Format(
            name="png",
            open_mask=_keyless(open_png),
            media_type="image/png",
            image_dimensions=("2D",),
            mask_dimensions=("2D",),
        ),
        *(
            Format(name=name, open_mask=_keyless(open_tiff), media_type="image/tiff")
            for name in ("tif", "tiff")
        ),
    )
}
"""By name."""


def _not_read(stream: BinaryIO, key: str, beside: Beside) -> OpenMask:
    raise PredictionError("a header whose numbers are in a second file; write one file, or .mhd")


_HEADERS = tuple(Format(name=name, open_mask=_not_read) for name in ("hdr", "nhdr"))
"""Of masks that are told from other files, and not read."""


def format_of(name: str) -> Format | None:
    """The format that a file's name says, capitals or not; None if it says none.

    A header of a kind that is not read has one of its own, which is not in `FORMATS`.
    """
    known = (*FORMATS.values(), *_HEADERS)
    return next((form for form in known if name.lower().endswith(form.suffix)), None)


def stem_of(name: str) -> str:
    """A file's name without its format."""
    form = format_of(name)
    return name[: -len(form.suffix)] if form else name
