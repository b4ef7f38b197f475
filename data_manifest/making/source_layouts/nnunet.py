"""nnU-Net: dataset.json, imagesTr/CASE_0000.EXT, labelsTr/CASE.EXT; FLARE is that without json."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from data_manifest.findings import Finding
from data_manifest.making.source_layouts.source import (
    Source,
    SourceCase,
    by_stem,
    files_below,
    left_over,
    modality_of,
    problem,
    read_json,
)

_CHANNEL = re.compile(r"(.+)_([0-9]{4})")
_PARTS = {"Tr": "", "Val": "validation", "Va": "validation", "Ts": "test"}
"""Ends of the folders' names, and the fold that their cases are of, where no split names one."""


class _Listed(msgspec.Struct, frozen=True, kw_only=True):
    images: tuple[str, ...]
    label: str


class _Dataset(msgspec.Struct, frozen=True, kw_only=True):
    channel_names: dict[str, str] = {}
    modality: dict[str, str] = {}
    labels: dict[str, int | str | tuple[int, ...]] = {}
    file_ending: str = ""
    licence: Annotated[str, msgspec.Meta(min_length=1)] = "not stated"
    dataset: dict[str, _Listed] = {}


class _Split(msgspec.Struct, frozen=True, kw_only=True):
    val: tuple[str, ...]


def find_nnunet(folder: Path) -> Source:
    """The cases of a data set as nnU-Net reads it, of version 2 or 1.

    Raises:
        ManifestError: dataset.json, or splits_final.json, can't be read.
    """
    about = read_json(
        folder / "dataset.json", _Dataset, "dataset.json with channel_names and labels"
    )
    named = about.channel_names or about.modality
    channels = tuple(named[number] for number in sorted(named, key=int))
    names, regions = _labels(about.labels)
    folds: dict[str, str] = {}
    if (folder / "splits_final.json").exists():
        splits = read_json(folder / "splits_final.json", tuple[_Split, ...], "a list of splits")
        folds = {case: str(number) for number, split in enumerate(splits) for case in split.val}
    return _find(folder, about, channels=channels, names=names, regions=regions, folds=folds)


def find_flare(folder: Path) -> Source:
    """The cases of a FLARE data set: the same folders, one channel, CT."""
    return _find(folder, _Dataset(), channels=("CT",), names={}, regions={}, folds={})


def _labels(
    labels: Mapping[str, int | str | tuple[int, ...]],
) -> tuple[dict[int, str], dict[str, tuple[int, ...]]]:
    """Names by label, and labels by region; a label of regions has the name of the smallest."""
    names: dict[int, str] = {}
    regions: dict[str, tuple[int, ...]] = {}
    for key, value in labels.items():
        if isinstance(value, str):  # version 1 has them the other way round
            names[int(key)] = value
        elif isinstance(value, int):
            names[value] = key
        else:
            regions[key] = value
    for region, members in sorted(regions.items(), key=lambda item: len(item[1])):
        for label in members:
            names.setdefault(label, region)
    return {label: name for label, name in names.items() if label > 0}, regions


def _find(
    folder: Path,
    about: _Dataset,
    *,
    channels: tuple[str, ...],
    names: Mapping[int, str],
    regions: Mapping[str, tuple[int, ...]],
    folds: Mapping[str, str],
) -> Source:
    findings: list[Finding] = []
    cases: list[SourceCase] = []
    for end, part in _PARTS.items():
        images = _by_case(folder / f"images{end}", about.file_ending, findings)
        labels = folder / f"labels{end}"
        references = by_stem(files_below(labels), findings) if labels.is_dir() else {}
        for case, listed in about.dataset.items() if end == "Tr" else ():
            images[case] = {n: folder / file for n, file in enumerate(listed.images)}
            references[case] = folder / listed.label
        for case, files in images.items():
            reference = references.pop(case, None)
            if reference is None:
                findings.append(_unanswered(files[min(files)], labels))
                continue
            fault = _fault(case, files, channels)
            if fault:
                findings.append(problem(files[min(files)], *fault))
                continue
            # A picture's colours have names, too, and lie in one file.
            single = len(files) == 1
            cases.append(
                SourceCase(
                    identifier=case,
                    images=tuple(files[number] for number in sorted(files)),
                    reference=reference,
                    channels=() if single and len(channels) > 1 else channels,
                    modality=modality_of(channels) if channels else "",
                    label_names=names,
                    fold=folds.get(case, part),
                    licence=about.licence,
                )
            )
        findings += [
            problem(file, "a reference without an image", f"images{end}/{case}_0000")
            for case, file in references.items()
        ]
    if not cases and not findings:
        expected = "imagesTr with CASE_0000 files, and labelsTr"
        findings.append(problem(folder, "no cases", expected))
    return Source(
        cases=tuple(sorted(cases, key=lambda case: case.identifier)),
        findings=tuple(findings),
        regions=regions,
    )


def _by_case(folder: Path, ending: str, findings: list[Finding]) -> dict[str, dict[int, Path]]:
    """Files by case, then channel."""
    cases: dict[str, dict[int, Path]] = {}
    files = [file for file in files_below(folder) if not file.name.endswith(".json")]
    if ending:
        others = [file for file in files if not file.name.lower().endswith(ending.lower())]
        findings += [left_over(file, f"not a {ending}, as dataset.json says") for file in others]
        files = [file for file in files if file not in others]
    for stem, file in by_stem(files, findings).items():
        match = _CHANNEL.fullmatch(stem)
        if match is None:
            findings.append(problem(file, "no channel in its name", "CASE_0000, four digits"))
        else:
            cases.setdefault(match[1], {})[int(match[2])] = file
    return cases


def _unanswered(file: Path, labels: Path) -> Finding:
    if not labels.is_dir():
        return left_over(file, f"there is no {labels.name}: images without references")
    return problem(file, "an image without a reference", f"one of its name in {labels.name}")


def _fault(
    case: str, files: Mapping[int, Path], channels: tuple[str, ...]
) -> tuple[str, str] | None:
    absent = [str(file) for file in files.values() if not file.is_file()]
    if absent:
        return f"{absent[0]} is not there", "the files that dataset.json names"
    wanted = list(range(len(channels) or 1))
    coloured = sorted(files) == [0] and channels[:3] == ("R", "G", "B")
    if sorted(files) != wanted and not coloured:
        has = ", ".join(f"{number:04d}" for number in sorted(files))
        return f"channels {has} of {case}", f"{len(wanted)}, from 0000: {', '.join(channels)}"
    return None
