"""A team's model folder, which some platforms take apart from the image: `REF+model=FOLDER`."""

import dataclasses
from pathlib import Path

from evaluate.facts.errors import SubmissionError
from evaluate.sandbox.case_folders import folder_digest
from evaluate.sandbox.port import Image

_MARK = "+model="


def parted(reference: str) -> tuple[str, Path | None]:
    """A submission's REF without its model folder, and the folder.

    >>> parted("alpha.tar.gz+model=models/alpha")
    ('alpha.tar.gz', PosixPath('models/alpha'))
    """
    image, mark, folder = reference.partition(_MARK)
    return image, Path(folder) if mark else None


def with_model(image: Image, reference: str) -> Image:
    """The image as it was asked for, with the model folder that its reference names.

    Raises:
        SubmissionError: there is no such folder.
        ImageProblem: something in it is no file, folder or link, or can't be read.
    """
    folder = parted(reference)[1]
    if folder is None:
        return image
    if not folder.is_dir():
        raise SubmissionError(
            where=reference,
            found=f"no such folder: {folder}",
            expected="REF+model=FOLDER, the folder of a team's model",
        )
    details = {**image.details, "model_sha256": folder_digest(folder)}
    return dataclasses.replace(image, reference=reference, details=details, model=folder.resolve())
