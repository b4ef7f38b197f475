"""The image that somebody has opened, as a container will get it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs, Reference
from data_manifest.errors import CaseFileError
from data_manifest.findings import Finding
from data_manifest.layouts import read_case, read_reference, read_stored_inputs
from data_manifest.making.geometry import Volume, mismatches, without_depth
from data_manifest.making.intensities import to_uint8
from data_manifest.making.volume_images import SUFFIXES, read_header, read_volume
from data_manifest.manifest import MODALITIES, Case, FileEntry, Label, Manifest
from data_manifest.prompts import Prompts

_WITH_HEADERS = tuple(suffix for suffix in SUFFIXES if suffix != ".dcm")
_MOST_VOXELS = 512 << 20
"""Of an image; a page that holds more of it in a browser stops answering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedImage:
    """An image with what is known of it.

    Attributes:
        name: the case's identifier.
        modality: canonical name.
        image: uint8, (H, W, 3) or (D, H, W).
        axes: 2 or 3.
        spacing_mm: in the array's axis order; None where it is not known.
        affine: float64 (4, 4), of the file that it came from; None where it has none.
        reference: the ground truth, if there is one.
        stored: prompts that came with it.
        notes: what was converted or looks odd, a line each.
    """

    name: str
    modality: str
    image: npt.NDArray[np.uint8]
    axes: int
    spacing_mm: tuple[float, ...] | None
    affine: npt.NDArray[np.float64] | None = None
    reference: npt.NDArray[np.integer] | None = None
    stored: tuple[Prompts, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the answer: (H, W) or (D, H, W)."""
        return self.image.shape[: self.axes]

    def inputs(
        self, prompts: Sequence[Prompts], previous: npt.NDArray[np.integer] | None
    ) -> CaseInputs:
        """What a container is told."""
        return CaseInputs(
            image=self.image,
            prompts=tuple(prompts),
            spacing_mm=self.spacing_mm if self.axes == 3 else None,
            previous=previous,
        )

    def case(self, labels: int) -> Case:
        """A manifest's entry, of files that are written only when they are asked for."""
        nowhere = "0" * 64
        return Case(
            id=self.name,
            modality=self.modality,
            dimension="2D" if self.axes == 2 else "3D",
            shape=self.shape,
            spacing_mm=self.spacing_mm,
            labels=tuple(Label(label=n, name=f"object {n}") for n in range(1, labels + 1)),
            prompts=(),
            image=FileEntry(path="image", sha256=nowhere),
            reference=FileEntry(path="reference", sha256=nowhere),
            source="opened on a page",
            licence="not stated",
            origin="real",
        )


def open_file(path: Path, *, modality: str, reference: Path | None = None) -> OpenedImage:
    """Open an image file, a folder of a DICOM series, or a case file of the challenge.

    Args:
        path: PNG, JPEG, TIFF, NIfTI, MHA, NRRD, DICOM, or a case file.
        modality: canonical name: CT is windowed, everything else is scaled by its percentiles.
        reference: its ground truth, as a file.

    Raises:
        CaseFileError: what can't be opened, or is no image that a container could get, and why.
    """
    stored = read_stored_inputs(path)
    if stored is not None:
        opened = OpenedImage(
            name=_identifier(path, modality, stored.axes),
            modality=modality,
            image=stored.image,
            axes=stored.axes,
            spacing_mm=stored.spacing_mm,
            stored=stored.prompts,
        )
        return opened if reference is None else _with_truth(opened, read_reference(reference))
    if path.is_file() and path.name.lower().endswith(_WITH_HEADERS):
        _check_size(path, read_header(path).array)  # before any of it is in memory
    volume = without_depth(read_volume(path))
    _check_size(path, volume.array)
    try:
        image = to_uint8(volume.array, modality=modality)
    except ValueError as error:
        fault, _, expected = str(error).partition("; expected ")
        raise CaseFileError(
            where=path.name, found=fault, expected=expected or "an image"
        ) from error
    is_flat = volume.array.ndim == 2 or (
        volume.array.ndim == 3 and volume.array.dtype == np.uint8 and volume.array.shape[2] == 3
    )
    axes = 2 if is_flat else 3
    if axes == 3 and volume.spacing_mm is None:
        expected = "the millimetres between its voxels along z, y, x"
        raise CaseFileError(where=path.name, found="a volume without spacing", expected=expected)
    opened = OpenedImage(
        name=_identifier(path, modality, axes),
        modality=modality,
        image=image,
        axes=axes,
        spacing_mm=volume.spacing_mm,
        affine=volume.affine,
        notes=volume.notes,
    )
    if reference is None:
        return opened
    truth = without_depth(read_volume(reference, labels=True))
    problems = [
        Finding(where=reference.name, found=fault, expected=expected, mend=mend)
        for fault, expected, mend in mismatches(volume, truth)
    ]
    if problems:
        raise CaseFileError(*problems)
    return _with_truth(opened, Reference(labels=_whole(truth), spacing_mm=truth.spacing_mm))


def open_case(manifest: Manifest, root: Path, name: str) -> OpenedImage:
    """Open a case of a data set, with its reference and its prompts.

    Raises:
        CaseFileError: there is none of this name, or a file of it can't be read.
    """
    case = next((case for case in manifest.cases if case.id == name), None)
    if case is None:
        raise CaseFileError(where=manifest.name, found=f"no case {name}", expected="one of its own")
    inputs = read_case(root, case)
    return OpenedImage(
        name=case.id,
        modality=case.modality,
        image=inputs.image,
        axes=len(case.shape),
        spacing_mm=case.spacing_mm,
        reference=read_reference(root / case.reference.path).labels,
        stored=inputs.prompts,
        notes=(case.source,),
    )


def _with_truth(opened: OpenedImage, truth: Reference) -> OpenedImage:
    if truth.labels.shape != opened.shape:
        fault = f"a reference of shape {truth.labels.shape}"
        raise CaseFileError(where=opened.name, found=fault, expected=f"the image's {opened.shape}")
    return replace(opened, reference=truth.labels, spacing_mm=opened.spacing_mm or truth.spacing_mm)


def _whole(volume: Volume) -> npt.NDArray[np.integer]:
    return volume.array.astype(np.uint16)


def _check_size(path: Path, array: npt.NDArray[np.generic]) -> None:
    if array.size > _MOST_VOXELS:
        size = " × ".join(map(str, array.shape))
        raise CaseFileError(
            where=path.name,
            found=f"{size} voxels",
            expected=f"at most {_MOST_VOXELS >> 20} million: a browser holds all of them",
            mend="cut it to the part that matters",
        )


def _identifier(path: Path, modality: str, axes: int) -> str:
    """As `manifest build` names a case: participants read the dimension from it."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.name.split(".")[0]).strip("-._") or "image"
    if re.match(r"[23]D", stem):
        return stem[:150]
    return f"{axes}DBox_{modality if modality in MODALITIES else 'MR'}_{stem[:150]}"
