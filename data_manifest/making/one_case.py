"""A data set of one case, of an image that somebody has opened and prompted by hand."""

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs, Reference
from data_manifest.layouts.formats import NPZ
from data_manifest.layouts.npz_contract import write_inputs, write_reference
from data_manifest.making.writing import INPUTS, REFERENCES
from data_manifest.manifest import Case, FileEntry, Label, Manifest, save_manifest, sha256_of


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
