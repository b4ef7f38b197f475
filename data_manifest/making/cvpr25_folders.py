"""A data set as CVPR 2025's tracks lay it out: imgs/ and gts/, an npz a case.

Arrays are kept as they are, gaps in the labels too; pickled boxes and texts become plain numbers,
so that nothing of a case in our own files is a pickle.
"""

from pathlib import Path

import numpy as np

from data_manifest.cases import CaseInputs
from data_manifest.errors import CaseFileError, Finding, ManifestError
from data_manifest.layouts.cvpr25_files import read_pickled_boxes, read_pickled_texts
from data_manifest.layouts.npz import NpzError, read_array
from data_manifest.layouts.npz_contract import read_reference, write_inputs, write_reference
from data_manifest.making.image_folders import MANIFEST, whole_folder
from data_manifest.making.writing import INPUTS, REFERENCES
from data_manifest.manifest import Case, FileEntry, Label, Manifest, save_manifest, sha256_of
from data_manifest.naming import parse_case_name
from data_manifest.progress import Progress, silent


def build_cvpr25(
    source: Path, out: Path, *, name: str | None = None, progress: Progress = silent
) -> Manifest:
    """Make cases and a manifest of a folder in the challenge's layout.

    Args:
        source: folder with imgs/ and gts/.
        out: folder for manifest.json, inputs/ and references/.
        name: of the data set; by default the folder's.
        progress: told before the first and after every case.

    Raises:
        ManifestError: every problem of every case; then nothing is written.
    """
    name = name or out.resolve().name
    files = sorted((source / "imgs").glob("*.npz"))
    problems: list[Finding] = []
    cases: list[Case] = []
    if not files:
        problems.append(Finding(where=f"{source}/imgs", found="no npz", expected="the cases"))
    with whole_folder(out, name=name) as folder:
        for kind in (INPUTS, REFERENCES):
            (folder / kind).mkdir()
        progress(0, len(files), "building")
        for done, file in enumerate(files, start=1):
            try:
                cases.append(_case(file, source / "gts" / file.name, folder))
            except CaseFileError as error:
                problems += error.problems
            except (ValueError, NpzError) as error:
                expected = "a case as the challenge's baseline writes it"
                problems.append(Finding(where=str(file), found=str(error), expected=expected))
            progress(done, len(files), file.stem)
        if problems:
            raise ManifestError(*problems)
        manifest = Manifest(schema=1, name=name, cases=tuple(cases))
        save_manifest(manifest, folder / MANIFEST)
    return manifest


def _case(image_file: Path, reference_file: Path, folder: Path) -> Case:
    identifier = image_file.stem
    reference = read_reference(reference_file)
    image = read_array(image_file, "imgs")
    if image.dtype != np.uint8 or image.shape != reference.labels.shape or image.ndim != 3:
        raise ValueError(
            f"`imgs` of dtype {image.dtype}, shape {image.shape}; expected uint8, (D, H, W), as"
            f" `gts` of shape {reference.labels.shape}"
        )
    read = (read_pickled_boxes(image_file), read_pickled_texts(image_file))
    paths = [f"{kind}/{identifier}.npz" for kind in (INPUTS, REFERENCES)]
    prompts = tuple(prompts for prompts in read if prompts is not None)
    inputs = CaseInputs(
        image=image.astype(np.uint8, copy=False), prompts=prompts, spacing_mm=reference.spacing_mm
    )
    write_inputs(folder / paths[0], inputs)
    write_reference(folder / paths[1], reference)
    files = [FileEntry(path=path, sha256=sha256_of(folder / path)) for path in paths]
    present = np.unique(reference.labels)
    return Case(
        id=identifier,
        modality=parse_case_name(identifier).modality,
        dimension="3D",
        shape=image.shape,
        spacing_mm=reference.spacing_mm,
        labels=tuple(Label(label=int(v), name=f"label {v}") for v in present if v),
        prompts=tuple(kind.kind for kind in prompts),
        image=files[0],
        reference=files[1],
        source=f"{image_file.name}, as the challenge's data have it",
        licence="as the data set's",
        origin="real",
    )
