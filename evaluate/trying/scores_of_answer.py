"""How good an answer on the page is, by the protocol's own scoring; and its case as files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

from data_manifest.cases import CaseInputs
from data_manifest.layouts import VIEWABLE, write_viewable_mask
from data_manifest.making.writing import write_one_case
from evaluate.auditing.bundles.zip_files import PROTOCOL, write_zip
from evaluate.facts.errors import SegjudgeError
from evaluate.facts.rules import Rules
from evaluate.sandbox.removal import remove_tree
from evaluate.sandbox.scratch import make_scratch
from evaluate.scoring.folder_scores import score_folders
from evaluate.trying.answering import Answer
from evaluate.trying.opened_images import OpenedImage


@contextmanager
def _folder() -> Iterator[Path]:
    folder = make_scratch()
    try:
        yield folder
    finally:
        remove_tree(folder)


def scores_of(
    answer: Answer, opened: OpenedImage, inputs: CaseInputs, rules: Rules
) -> list[dict[str, float | str | None]]:
    """A row a label: its name and each metric's value; none where it can't be scored."""
    if answer.prediction is None or opened.reference is None:
        return []
    with _folder() as folder:
        references = write_one_case(folder, opened.case(0), inputs, opened.reference)
        name = rules.output.name(opened.name).replace("*", opened.name)
        target = folder / "predictions" / name
        target.parent.mkdir(parents=True)
        target.write_bytes(answer.prediction)
        try:
            scored = score_folders(
                references=references,
                predictions=folder / "predictions",
                protocol=rules,
                out=None,
                workers=1,
            )
        except SegjudgeError:
            return []
    return [{"label": str(row.label), **row.values} for row in scored.scores.labels]


def saved_as(
    what: str, opened: OpenedImage, inputs: CaseInputs, answer: Answer, rules: Rules
) -> tuple[bytes, str] | None:
    """An answer as a file, and the file's name; None where there is nothing to save.

    Args:
        what: `nifti`, `answer` as the container left it, or `case` for `check`.
        opened: the image.
        inputs: what the container was told.
        answer: what it made of it.
        rules: the protocol.
    """
    if what == "case":  # of a container that crashed, too
        return _case_as_zip(opened, inputs, answer, rules), f"{opened.name}.zip"
    if answer.labels is None or answer.prediction is None:
        return None
    if what == "answer":
        return answer.prediction, f"{opened.name}{rules.output.suffix}"
    if what != "nifti":
        return None
    name = f"{opened.name}{VIEWABLE}"
    with _folder() as folder:
        write_viewable_mask(
            folder / name, answer.labels, spacing_mm=opened.spacing_mm, affine=opened.affine
        )
        return (folder / name).read_bytes(), name


def _case_as_zip(opened: OpenedImage, inputs: CaseInputs, answer: Answer, rules: Rules) -> bytes:
    """A data set of this one case with its protocol, for `segjudge check REF --case FILE`.

    Args:
        opened: the image. Where it has no reference, the answer stands for it, if it has each
            object that was asked for; else what a baseline makes of the prompts.
        inputs: what the container was told.
        answer: what it made of it.
        rules: the protocol.
    """
    labels = opened.reference
    if labels is None:
        labels = np.zeros(opened.shape, np.uint16)
        if inputs.prompts:
            labels = inputs.prompts[0].baseline(opened.shape)
        given = answer.labels
        if given is not None and set(np.unique(given)) | {0} == set(np.unique(labels)) | {0}:
            labels = given
    with _folder() as folder:
        write_one_case(folder, opened.case(0), inputs, labels)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        members: list[tuple[str, Path | bytes]] = [
            (path.relative_to(folder).as_posix(), path) for path in files
        ]
        members.append((PROTOCOL, msgspec.json.encode(rules.to_json())))
        write_zip(folder / "case.zip", members)
        return (folder / "case.zip").read_bytes()
