"""Medical Segmentation Decathlon: dataset.json lists each image, 3D or 4D, with its label file."""

from pathlib import Path, PurePosixPath

import msgspec

from data_manifest.findings import Finding
from data_manifest.making.source_layouts.source import (
    Source,
    SourceCase,
    files_below,
    left_over,
    modality_of,
    problem,
    read_json,
)
from data_manifest.making.volume_images import stem_of


class _Pair(msgspec.Struct, frozen=True, kw_only=True):
    image: str
    label: str


class _Task(msgspec.Struct, frozen=True, kw_only=True):
    training: tuple[_Pair, ...]
    modality: dict[str, str]
    labels: dict[str, str]
    licence: str = "not stated"


def find_msd(folder: Path) -> Source:
    """The training cases of a task; its test part has no references.

    Raises:
        ManifestError: dataset.json can't be read.
    """
    task = read_json(
        folder / "dataset.json", _Task, "a task's dataset.json with training, modality and labels"
    )
    channels = tuple(task.modality[number] for number in sorted(task.modality, key=int))
    names = {int(label): name for label, name in task.labels.items() if int(label) > 0}
    findings: list[Finding] = []
    cases: list[SourceCase] = []
    for pair in task.training:
        image, reference = (_inside(folder, name) for name in (pair.image, pair.label))
        if stem_of(image).startswith((".", "_")):
            continue  # what macOS leaves
        absent = [file for file in (image, reference) if not file.is_file()]
        if absent:
            findings += [
                problem(file, "no such file", "what dataset.json names") for file in absent
            ]
            continue
        cases.append(
            SourceCase(
                identifier=stem_of(image),
                images=(image,),
                reference=reference,
                channels=channels,
                modality=modality_of(channels),
                label_names=names,
                licence=task.licence,
            )
        )
    known = {file for case in cases for file in (*case.images, case.reference)}
    for part in ("imagesTr", "labelsTr", "imagesTs"):
        why = "of the test part, which has no references" if part == "imagesTs" else "not listed"
        findings += [left_over(f, why) for f in files_below(folder / part) if f not in known]
    return Source(
        cases=tuple(sorted(cases, key=lambda case: case.identifier)), findings=tuple(findings)
    )


def _inside(folder: Path, name: str) -> Path:
    """A listed path; one that leaves the folder becomes one that is not there."""
    parts = [part for part in PurePosixPath(name).parts if part not in ("..", "/")]
    return folder.joinpath(*parts)
