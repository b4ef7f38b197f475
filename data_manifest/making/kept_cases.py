"""Cases whose images and references stay the files that they came in.

Labels, types, spacing and place are not touched. A reference whose axes are stored in another order
or direction than its image's is turned, which loses nothing, and the manifest says so.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from data_manifest.errors import CaseFileError, ManifestError
from data_manifest.findings import Finding, Severity, Tell, grouped, untold
from data_manifest.layouts.formats import NPZ, format_of
from data_manifest.layouts.sidecars import json_fault
from data_manifest.layouts.stored import convert_volume, turn_volume
from data_manifest.making.geometry import Volume, axes_of, is_turned, mismatches
from data_manifest.making.image_folders import MANIFEST, whole_folder
from data_manifest.making.image_formats import FormatError
from data_manifest.making.source_layouts.source import SourceCase
from data_manifest.making.volume_images import read_header, read_volume
from data_manifest.making.whole_labels import check_interpolation
from data_manifest.making.writing import INPUTS, REFERENCES
from data_manifest.manifest import (
    NAME_PATTERN,
    Case,
    FileEntry,
    Label,
    Manifest,
    NamedFile,
    load_manifest,
    save_manifest,
    sha256_of,
)
from data_manifest.progress import Progress, silent

_Row: TypeAlias = tuple[float, float, float]

_WHOLE = {".mhd": ".mha", ".nhdr": ".nrrd"}
"""Headers whose data lie in another file, and the format that holds both."""


def keep_cases(
    cases: Sequence[SourceCase],
    out: Path,
    *,
    name: str | None = None,
    progress: Progress = silent,
    tell: Tell = untold,
) -> Manifest:
    """Copy cases' files, and make a manifest beside them.

    Args:
        cases: from a finder of `SOURCE_LAYOUTS`.
        out: folder for manifest.json, inputs/ and references/.
        name: of the data set; by default the folder's.
        progress: told before the first and after every case.
        tell: takes what was changed or looks odd, by file.

    Raises:
        ManifestError: every problem of every case; then nothing is written.
    """
    name = name or out.resolve().name
    problems: list[Finding] = []
    made: dict[str, Case] = {}
    with whole_folder(out, name=name) as folder:
        for kind in (INPUTS, REFERENCES):
            (folder / kind).mkdir()
        progress(0, len(cases), "building")
        for done, case in enumerate(cases, start=1):
            try:
                if case.identifier.casefold() in made:
                    raise CaseFileError(_wrong(case, "an identifier twice", "one for each case"))
                made[case.identifier.casefold()] = _kept(case, folder, tell)
            except CaseFileError as error:
                problems += error.problems
            progress(done, len(cases), case.identifier)
        if not problems and not cases:
            problems.append(Finding(where=str(out), found="no cases", expected="at least one"))
        if problems:
            raise ManifestError(*grouped(problems))
        entries = tuple(sorted(made.values(), key=lambda case: case.id))
        save_manifest(Manifest(schema=1, name=name, cases=entries), folder / MANIFEST)
        return load_manifest(folder / MANIFEST)


def _wrong(case: SourceCase, found: str, expected: str) -> Finding:
    return Finding(where=str(case.reference), found=found, expected=expected)


def _kept(case: SourceCase, folder: Path, tell: Tell) -> Case:
    if re.search(NAME_PATTERN, case.identifier) is None:
        expected = "letters, digits, `.`, `_`, `-`, the first a letter or a digit"
        raise CaseFileError(_wrong(case, f"identifier {case.identifier!r}", expected))
    if not case.modality:
        fault = f"no modality of channels {', '.join(case.channels) or 'without names'}"
        raise CaseFileError(_wrong(case, fault, "one: name it with `--modality`"))
    for file in (*case.images, case.reference):
        _check_format(file)
    for file in case.values.values():
        if fault := json_fault(file):
            raise CaseFileError(where=str(file), found=fault, expected="JSON")
    reference = read_volume(case.reference, labels=True)
    headers = [_image(file, reference) for file in case.images]
    turned = is_turned(headers[0], reference)
    problems = [
        Finding(where=str(file), found=fault, expected=expected, mend=mend)
        for file, header in zip(case.images, headers, strict=True)
        for file, (fault, expected, mend) in _mismatches(case, file, header, reference, turned)
    ]
    try:
        check_interpolation(reference.array, case.label_names)
    except FormatError as error:
        where = str(case.reference)
        problems.append(
            Finding(where=where, found=str(error), expected=error.expected, mend=error.mend)
        )
    if problems:
        raise CaseFileError(*problems)
    return _written(case, folder, headers[0], reference, turned=turned, tell=tell)


def _check_format(file: Path) -> None:
    form = format_of(file.with_suffix(_WHOLE.get(file.suffix.lower(), file.suffix)).name)
    if file.is_dir() or form in (None, NPZ):
        raise CaseFileError(
            where=str(file),
            found="a format that no container is given",
            expected="NIfTI, MHA, NRRD, PNG or TIFF",
            mend="convert it, or make cases with `--prompts`",
        )


def _image(file: Path, reference: Volume) -> Volume:
    """An image's header; of four axes that of one channel, of one slice that of a picture."""
    header = read_header(file)
    array = header.array
    if array.ndim == 4:
        array = array[0]
    if reference.array.ndim == 2 and array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    return replace(header, array=array)


def _mismatches(
    case: SourceCase, file: Path, header: Volume, reference: Volume, turned: bool
) -> list[tuple[Path, tuple[str, str, str]]]:
    """What keeps an image from lying where the reference, or the first image, does."""
    if file == case.images[0]:
        faults = [] if turned else list(mismatches(header, reference))
        return [(case.reference, (f, f"{e} ({file.name})", m)) for f, e, m in faults]
    first = _image(case.images[0], reference)
    return [
        (file, (fault, f"{expected} ({case.images[0].name})", mend))
        for fault, expected, mend in mismatches(first, header)
    ]


def _written(
    case: SourceCase,
    folder: Path,
    image: Volume,
    reference: Volume,
    *,
    turned: bool,
    tell: Tell,
) -> Case:
    changes: list[str] = []
    paths = []
    for number, file in enumerate((*case.images, case.reference)):
        is_image = number < len(case.images)
        ending = format_of(file.with_suffix(_WHOLE.get(file.suffix.lower(), file.suffix)).name)
        stem = f"{INPUTS}/{case.identifier}_{number:04d}" if is_image else ""
        path = f"{stem or f'{REFERENCES}/{case.identifier}'}{ending.suffix if ending else ''}"
        if not is_image and turned and image.affine is not None and reference.affine is not None:
            turn_volume(file, folder / path, axes_of(image.affine))
            was, now = axes_of(reference.affine), axes_of(image.affine)
            changes.append(f"the reference was turned from axes {was} to the image's, {now}")
        elif file.suffix.lower() in _WHOLE:
            convert_volume(file, folder / path)
            changes.append(f"{file.name} and the file of its data became one")
        else:
            shutil.copyfile(file, folder / path)
        paths.append(path)
    values = []
    for name, file in sorted(case.values.items()):
        path = f"{INPUTS}/{case.identifier}_{name}.json"
        shutil.copyfile(file, folder / path)
        values.append(NamedFile(name=name, path=path, sha256=sha256_of(folder / path)))
    notes = dict.fromkeys((*image.notes, *reference.notes, *changes))
    for note in notes:
        tell(Finding(where=str(case.reference), found=note, severity=Severity.WARNING))
    shape = image.array.shape[:2] if reference.array.ndim == 2 else image.array.shape
    files = [FileEntry(path=path, sha256=sha256_of(folder / path)) for path in paths]
    present = np.unique(reference.array)
    placed = read_header(folder / paths[-1])
    return Case(
        id=case.identifier,
        modality=case.modality,
        dimension="2D" if len(shape) == 2 else "3D",
        shape=shape,
        spacing_mm=placed.spacing_mm or image.spacing_mm,
        directions=_directions(placed) if len(shape) == 3 else None,
        labels=tuple(
            Label(label=int(v), name=case.label_names.get(int(v), f"label {v}"))
            for v in present
            if v
        ),
        prompts=(),
        image=files[0],
        further_images=tuple(files[1:-1]),
        channels=case.channels,
        values=tuple(values),
        reference=files[-1],
        group=case.group,
        fold=case.fold,
        changes=tuple(changes),
        source=", ".join(file.name for file in (*case.images, case.reference)),
        licence=case.licence,
        origin="real",
    )


def _directions(volume: Volume) -> tuple[_Row, _Row, _Row] | None:
    """Where its axes point, a row for each world axis; None where the file does not tell."""
    if volume.affine is None:
        return None
    sides = volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0)
    right, front, up = ((float(x), float(y), float(z)) for x, y, z in sides.round(9) + 0.0)
    return right, front, up
