"""From one image with its reference in memory to a case: two files and a manifest's entry."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs, Reference
from data_manifest.demo.records import RawCase
from data_manifest.errors import CaseFileError
from data_manifest.findings import Finding, Severity, Tell, untold
from data_manifest.layouts.formats import NPZ
from data_manifest.layouts.npz_contract import write_inputs, write_reference
from data_manifest.making.intensities import hard_to_see, to_uint8
from data_manifest.making.numbering import consecutive
from data_manifest.making.reference_objects import foreground_slices, remove_small_objects
from data_manifest.manifest import NAME_PATTERN, Case, FileEntry, Label, Preparation, sha256_of
from data_manifest.prompts import KINDS, USUAL, Hand

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
