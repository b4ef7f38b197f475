"""A case's image and reference for the report: the files that were scored, or why not."""

from dataclasses import dataclass
from pathlib import Path

from data_manifest.cases import CaseInputs, Reference
from data_manifest.errors import CaseFileError
from data_manifest.layouts import read_case, read_reference
from data_manifest.manifest import Case, FileEntry, sha256_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFiles:
    """Image, prompts and reference, which fit together."""

    inputs: CaseInputs
    reference: Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Why there is no picture of a case, in one line."""

    reason: str


def read_case_files(root: Path, case: Case) -> CaseFiles | Unreadable:
    """Read a case's files if they are those of the manifest."""
    for entry in case.files:
        problem = _altered(root, entry)
        if problem:
            return Unreadable(reason=problem)
    try:
        inputs = read_case(root, case)
        reference = read_reference(root / case.reference.path)
    except CaseFileError as error:
        return Unreadable(reason=f"the case's files can't be read: {error.problems[0].found}")
    labels = reference.labels
    fits = inputs.image.shape[: labels.ndim] == labels.shape
    if not fits or any(prompts.axes != labels.ndim for prompts in inputs.prompts):
        return Unreadable(reason="image, prompts and reference do not fit together")
    return CaseFiles(inputs=inputs, reference=reference)


def _altered(root: Path, entry: FileEntry) -> str:
    path = root / entry.path
    if not path.is_file():
        return f"{entry.path} is not in the data set's folder"
    if sha256_of(path) != entry.sha256:
        return f"{entry.path} is not the file that was scored (its SHA-256 differs)"
    return ""
