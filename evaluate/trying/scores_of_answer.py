"""How good an answer on the page is, by the protocol's own scoring; and its case as files."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs
from data_manifest.making.one_case import write_one_case
from evaluate.facts.errors import SegjudgeError
from evaluate.facts.rules import Rules
from evaluate.sandbox.removal import remove_tree
from evaluate.sandbox.scratch import make_scratch
from evaluate.scoring.stage import score_folders
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


def case_as_zip(opened: OpenedImage, inputs: CaseInputs, answer: npt.NDArray[np.integer]) -> bytes:
    """A data set of this one case, which `segjudge run --manifest` runs again.

    Args:
        opened: the image.
        inputs: what the container was told.
        answer: its mask, which stands for the reference where there is none.
    """
    buffer = io.BytesIO()
    with _folder() as folder:
        labels = answer if opened.reference is None else opened.reference
        write_one_case(folder, opened.case(0), inputs, labels)
        with zipfile.ZipFile(buffer, "w") as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()
