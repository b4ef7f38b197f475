"""From one image with its reference in memory to a case: two files and a manifest's entry."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_manifest.cases import CaseInputs, Reference
from data_manifest.demo.records import RawCase
from data_manifest.errors import CaseFileError
from data_manifest.findings import Finding, Severity, Tell, untold
from data_manifest.layouts.formats import NPZ
from data_manifest.layouts.npz_contract import write_inputs, write_reference
from data_manifest.making.from_files import consecutive
from data_manifest.making.intensities import hard_to_see, to_uint8
from data_manifest.manifest import (
    NAME_PATTERN,
    Case,
    FileEntry,
    Label,
    Manifest,
    Preparation,
    save_manifest,
    sha256_of,
)
from data_manifest.prompts import KINDS, USUAL, Hand

MIN_VOXELS = 100
MIN_PIXELS = 10


def remove_small_objects(
    labels: npt.NDArray[np.integer],
    *,
    min_voxels: int = MIN_VOXELS,
    min_pixels: int = MIN_PIXELS,
) -> npt.NDArray[np.integer]:
    """Remove the connected pieces of every label that are too small to be judged.

    In 3D first the pieces (26-connected) of less than `min_voxels` voxels, then in every slice
    the pieces (8-connected) of less than `min_pixels` pixels; in 2D the latter alone.

    Args:
        labels: integer, (H, W) or (D, H, W), 0 is background.
        min_voxels: in 3D.
        min_pixels: in a slice.

    Returns:
        A label map of the same shape and dtype; labels may be missing from it.
    """
    kept = labels.copy()
    for number, extent in enumerate(ndimage.find_objects(labels), start=1):
        if extent is None:
            continue
        piece = kept[extent]  # a view: what is cleared here is cleared in `kept`
        mask = piece == number
        if labels.ndim == 3:
            mask = _without_small(mask, min_voxels)
            mask = np.stack([_without_small(plane, min_pixels) for plane in mask])
        else:
            mask = _without_small(mask, min_pixels)
        piece[(piece == number) & ~mask] = 0
    return kept


def _without_small(mask: npt.NDArray[np.bool_], least: int) -> npt.NDArray[np.bool_]:
    pieces, _ = ndimage.label(mask, structure=np.ones((3,) * mask.ndim))
    large = np.bincount(pieces.ravel()) >= least
    large[0] = False
    return np.asarray(large[pieces], dtype=np.bool_)


def foreground_slices(labels: npt.NDArray[np.integer]) -> slice:
    """The slices of a volume from the first to the last that holds a label.

    Slices without one in between are kept: without them the volume's geometry would be false.

    Raises:
        ValueError: no label at all.
    """
    filled = np.flatnonzero(labels.reshape(labels.shape[0], -1).any(axis=1))
    if filled.size == 0:
        raise ValueError("no label above 0 in the volume")
    return slice(int(filled[0]), int(filled[-1]) + 1)


INPUTS = "inputs"
REFERENCES = "references"


def write_case(
    folder: Path,
    raw: RawCase,
    *,
    preparation: Preparation,
    prompts: Sequence[str] = USUAL,
    rounds: int = 1,
    tell: Tell = untold,
) -> Case:
    """Write a case's two files as the challenge has them.

    2D inputs hold no spacing, as in the challenge; the reference and the manifest keep it.

    Args:
        folder: of the data set; `inputs/` and `references/` must exist in it.
        raw: the image in raw intensities, its label map, and where they come from.
        preparation: of the prompts and of the reference.
        prompts: the kinds that the case gets.
        rounds: for how many rounds they are made ahead.
        tell: takes what looks odd about the image.

    Returns:
        The manifest's entry.

    Raises:
        CaseFileError: the image and the reference can't become a case.
    """
    _check(raw)
    try:
        raw, labels = _prepared(raw, preparation)
        image = to_uint8(raw.image, modality=raw.modality, window=raw.window)
        odd = hard_to_see(image, raw.image, modality=raw.modality, window=raw.window)
        made = tuple(
            KINDS[kind].made(
                raw.labels,
                Hand(
                    margin=preparation.margin,
                    jitter=preparation.jitter,
                    generator=_generator(preparation.seed, raw.identifier),
                    rounds=rounds,
                    names={label.label: label.name for label in labels},
                    image=image,
                ),
            )
            for kind in prompts
        )
    except ValueError as error:
        fault, _, expected = str(error).partition("; expected ")
        raise CaseFileError(
            where=raw.file or raw.identifier,
            found=fault,
            expected=expected or "an image and a reference that make a case",
        ) from error
    if odd is not None:
        tell(Finding(where=raw.file or raw.identifier, found=odd, severity=Severity.WARNING))
    two_d = raw.labels.ndim == 2
    paths = [f"{kind}/{raw.identifier}{NPZ.suffix}" for kind in (INPUTS, REFERENCES)]
    inputs_spacing = None if two_d else raw.spacing_mm
    inputs = CaseInputs(image=image, prompts=made, spacing_mm=inputs_spacing)
    write_inputs(folder / paths[0], inputs)
    write_reference(folder / paths[1], Reference(labels=raw.labels, spacing_mm=raw.spacing_mm))
    files = [FileEntry(path=path, sha256=sha256_of(folder / path)) for path in paths]
    return Case(
        id=raw.identifier,
        modality=raw.modality,
        dimension="2D" if two_d else "3D",
        shape=raw.labels.shape,
        spacing_mm=raw.spacing_mm,
        labels=labels,
        prompts=tuple(prompts),
        image=files[0],
        reference=files[1],
        source=raw.source,
        licence=raw.licence,
        origin="simulated" if raw.origin == "simulated" else "real",
    )


def _prepared(raw: RawCase, preparation: Preparation) -> tuple[RawCase, tuple[Label, ...]]:
    image = raw.image
    labels: npt.NDArray[np.integer] = raw.labels
    if preparation.small_objects_removed:
        labels = remove_small_objects(labels)
    if not labels.any():
        raise ValueError("no label above 0 in the reference; a case needs an object")
    if preparation.cropped and labels.ndim == 3:
        kept = foreground_slices(labels)
        image, labels = image[kept], labels[kept]
    numbered, listed = consecutive(labels, dict(enumerate(raw.label_names, start=1)))
    return replace(raw, image=image, labels=numbered), listed


def _generator(seed: int, identifier: str) -> np.random.Generator:
    """A case's own generator: adding a case does not change the others' prompts."""
    words = np.frombuffer(hashlib.sha256(identifier.encode()).digest(), dtype="<u4")
    return np.random.default_rng([seed, *words.tolist()])


def _check(raw: RawCase) -> None:
    axes = raw.labels.ndim
    image_shape = raw.image.shape[:2] if axes == 2 else raw.image.shape
    spacing = raw.spacing_mm
    facts = [
        (
            re.search(NAME_PATTERN, raw.identifier) is None,
            f"identifier {raw.identifier!r}",
            "up to 200 letters, digits, `.`, `_`, `-`, the first a letter or a digit",
        ),
        (axes not in (2, 3), f"labels of {axes} axes", "(H, W) or (D, H, W)"),
        (
            image_shape != raw.labels.shape,
            f"labels of shape {raw.labels.shape}",
            f"the image's {raw.image.shape}",
        ),
        (
            spacing is None and axes == 3,
            "no spacing",
            "millimetres along z, y, x",
        ),
        (
            spacing is not None
            and not (len(spacing) == axes and all(np.isfinite(s) and s > 0 for s in spacing)),
            f"spacing {spacing}",
            f"{axes} positive numbers in mm",
        ),
        (
            raw.origin not in ("real", "simulated"),
            f"origin {raw.origin!r}",
            "`real` or `simulated`",
        ),
    ]
    problems = [
        Finding(where=raw.file or raw.identifier, found=fault, expected=expected)
        for wrong, fault, expected in facts
        if wrong
    ]
    if problems:
        raise CaseFileError(*problems)


def write_one_case(
    folder: Path, case: Case, inputs: CaseInputs, labels: npt.NDArray[np.integer]
) -> Path:
    """Write manifest.json, inputs/ and references/.

    Args:
        folder: new and empty.
        case: its entry, whose files, labels and prompts are filled in here.
        inputs: what a container is told.
        labels: the reference, of the image's shape.

    Returns:
        The folder of the reference.
    """
    paths = [f"{kind}/{case.id}{NPZ.suffix}" for kind in (INPUTS, REFERENCES)]
    for path in paths:
        (folder / path).parent.mkdir()
    write_inputs(folder / paths[0], inputs)
    write_reference(folder / paths[1], Reference(labels=labels, spacing_mm=case.spacing_mm))
    image, reference = (FileEntry(path=path, sha256=sha256_of(folder / path)) for path in paths)
    named = tuple(Label(label=int(n), name=f"object {n}") for n in np.unique(labels) if n)
    kinds = tuple(prompts.kind for prompts in inputs.prompts)
    whole = msgspec.structs.replace(
        case, labels=named, image=image, reference=reference, prompts=kinds
    )
    save_manifest(Manifest(schema=1, name="tried", cases=(whole,)), folder / "manifest.json")
    return folder / REFERENCES
