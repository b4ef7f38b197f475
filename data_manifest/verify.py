"""Does a folder hold what its manifest says? Every missing, altered, surplus, malformed file.

One case is in memory at a time.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from data_manifest.errors import CaseFileError, Finding, ManifestError
from data_manifest.layouts import format_of, read_inputs, read_reference
from data_manifest.layouts.formats import NPZ
from data_manifest.layouts.npz_contract import surplus_arrays
from data_manifest.layouts.sidecars import json_fault
from data_manifest.layouts.stored import image_header
from data_manifest.manifest import Case, FileEntry, Manifest, load_manifest, sha256_of
from data_manifest.progress import Progress, silent

_REBUILD = "build the cases again, or take a fresh copy"


def verify_manifest(path: Path, *, progress: Progress = silent) -> list[Finding]:
    """Compare a manifest with its folder.

    Args:
        path: of the manifest.
        progress: told before the first and after every case.

    Returns:
        Every problem of the manifest and of all files, sorted by case; none if all is well.
    """
    try:
        manifest = load_manifest(path)
    except ManifestError as error:
        return list(error.problems)
    folder = path.parent
    problems: list[Finding] = []
    total = len(manifest.cases)
    progress(0, total, "verifying")
    for done, case in enumerate(manifest.cases, start=1):
        problems += _problems_of(folder, case)
        progress(done, total, case.id)
    problems += _surplus(folder, manifest)
    return problems


def _problems_of(folder: Path, case: Case) -> Iterator[Finding]:
    kept = format_of(case.image.path) not in (None, NPZ)
    facts = partial(_kept_image_facts if kept else _input_facts, case)
    for entry in case.images:
        yield from _checked(folder, entry, facts)
    for value in case.values:
        yield from _checked(folder, value, _value_facts)
    yield from _checked(folder, case.reference, partial(_reference_facts, case))


def _value_facts(file: Path) -> Iterator[tuple[str, str]]:
    if fault := json_fault(file):
        yield fault, "JSON"


def _checked(
    folder: Path, entry: FileEntry, facts: Callable[[Path], Iterator[tuple[str, str]]]
) -> Iterator[Finding]:
    """One file's problems; an altered one is looked into too, to say what the change did."""
    file = folder / entry.path
    if file.is_symlink():
        # A container that is given the folder would see where it points to, or nothing.
        yield _problem(file, "a link", "a file")
        return
    if not file.is_file():
        yield _problem(file, "not a file" if file.exists() else "missing", "a file")
        return
    try:
        digest = sha256_of(file)
        if digest != entry.sha256:
            yield _problem(file, f"SHA-256 {digest}", f"{entry.sha256}, as in the manifest")
        for fault, expected in facts(file):
            yield _problem(file, fault, expected)
    except CaseFileError as error:
        yield from error.problems
    except OSError as error:
        yield _problem(file, f"can't be read: {error.strerror}", "a file")


def _problem(file: Path, found: str, expected: str) -> Finding:
    return Finding(where=str(file), found=found, expected=expected, mend=_REBUILD)


def _input_facts(case: Case, file: Path) -> Iterator[tuple[str, str]]:
    inputs = read_inputs(file)
    # What is in the inputs reaches the participants: nothing but image and prompts may be.
    surplus = surplus_arrays(file, case.prompts)
    if surplus:
        expected = ("image", "spacing", *case.prompts)
        yield f"arrays {', '.join(surplus)}", f"no more than {', '.join(expected)}"
    axes = len(case.shape)
    shape = (*case.shape, 3) if axes == 2 else case.shape
    if inputs.image.shape != shape:
        yield f"image of shape {inputs.image.shape}", f"{shape}"
    kinds = [prompts.kind for prompts in inputs.prompts]
    for missing in sorted(set(case.prompts) - set(kinds)):
        yield f"no {missing}", "the prompts that the manifest names"
    for prompts in inputs.prompts:
        yield from prompts.problems(case.shape, len(case.labels))
    yield from _spacing_fact(case, inputs.spacing_mm)


def _kept_image_facts(case: Case, file: Path) -> Iterator[tuple[str, str]]:
    """Of an image in the format that it came in: does it lie where the manifest says?"""
    shape, spacing_mm = image_header(file)
    colours = len(case.shape) == 2 and shape[-1] == 3
    if (shape[:-1] if colours else shape[-len(case.shape) :]) != case.shape:
        yield f"image of shape {shape}", f"{case.shape}"
    # The case's is the reference's, which may be rounded otherwise.
    if case.spacing_mm and spacing_mm and not np.allclose(spacing_mm, case.spacing_mm, rtol=1e-3):
        yield from _spacing_fact(case, spacing_mm)


def _reference_facts(case: Case, file: Path) -> Iterator[tuple[str, str]]:
    reference = read_reference(file)
    if reference.labels.shape != case.shape:
        yield f"reference of shape {reference.labels.shape}", f"{case.shape}"
    occurs = np.zeros(1 << 16, dtype=np.bool_)  # `unique` would sort a copy of the volume
    occurs[reference.labels] = True
    labels = (np.flatnonzero(occurs[1:]) + 1).tolist()
    expected = [label.label for label in case.labels]
    if labels != expected:
        yield f"labels {_brief(labels)}", _brief(expected)
    yield from _spacing_fact(case, reference.spacing_mm)


def _spacing_fact(case: Case, spacing_mm: tuple[float, ...] | None) -> Iterator[tuple[str, str]]:
    if spacing_mm is None and case.dimension == "2D":
        return  # the challenge's 2D files have none
    if spacing_mm != case.spacing_mm:
        fault = f"spacing {spacing_mm} mm" if spacing_mm else "no `spacing`"
        yield fault, f"{case.spacing_mm} mm (axes z, y, x)"


def _brief(labels: list[int]) -> str:
    return f"{labels}" if len(labels) <= 20 else f"{labels[:20]} and {len(labels) - 20} more"


def _surplus(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    named = {PurePosixPath(entry.path) for case in manifest.cases for entry in case.files}
    for top in sorted({path.parts[0] for path in named if len(path.parts) > 1}):
        for file in sorted((folder / top).rglob("*")):
            known = PurePosixPath(file.relative_to(folder).as_posix()) in named
            if not known and (file.is_symlink() or not file.is_dir()):
                yield Finding(
                    where=str(file),
                    found="a file that the manifest does not name",
                    expected=f"only the manifest's files in {top}/",
                    mend="move it away",
                )
