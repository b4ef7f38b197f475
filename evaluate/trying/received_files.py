"""The files that the page sends, put into a folder of their own and opened as an image."""

import asyncio
import shutil
import time
from dataclasses import replace
from pathlib import Path, PurePath

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from data_manifest.errors import CaseFileError
from evaluate.trying.opened_images import OpenedImage, open_file

_MOST_FILES = 5000
_MOST_BYTES = 4 << 30
_PIECE = 1 << 20


async def received_image(request: Request, scratch: Path) -> OpenedImage:
    """Open what a form sends as `image`, one file or a DICOM series, and `reference`.

    Raises:
        CaseFileError: it can't be opened, and why.
    """
    folder = scratch / f"opened-{time.monotonic_ns()}"
    images = folder / "the files"
    images.mkdir(parents=True)
    try:
        async with request.form(max_files=_MOST_FILES) as form:
            reference = await _written(form, folder, images)
            modality = str(form.get("modality") or "MR")
        files = sorted(images.iterdir())
        one = files[0] if len(files) == 1 else images
        return await asyncio.to_thread(open_file, one, modality=modality, reference=reference)
    except CaseFileError as error:
        # By the names that its reader knows.
        raise CaseFileError(
            *(
                replace(
                    problem,
                    where=problem.where.replace(f"{images}/", "").replace(f"{folder}/", ""),
                )
                for problem in error.problems
            )
        ) from error
    except OSError as error:
        raise CaseFileError(
            where="the files",
            found=f"they can't be kept: {error.strerror or error}",
            expected="room in the folder for temporary files",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _written(form: FormData, folder: Path, images: Path) -> Path | None:
    """Write the image's files into a folder of theirs; where the reference is, if one came."""
    parts = [(key, part) for key, part in form.multi_items() if isinstance(part, UploadFile)]
    size, room = sum(part.size or 0 for _, part in parts), shutil.disk_usage(folder).free
    if size > min(_MOST_BYTES, room):
        raise CaseFileError(
            where=str(parts[0][1].filename),
            found=f"{size >> 20} MiB",
            expected=f"at most {min(_MOST_BYTES, room) >> 20} MiB",
            mend="cut it to the part that matters, or name it on the command line",
        )
    reference = None
    for number, (key, part) in enumerate(parts):
        name = PurePath(part.filename or "image").name
        target = (images if key == "image" else folder) / name
        if target.exists():  # of another folder of the same series, or of another series
            target = target.with_name(f"{number}-{name}")
        with target.open("wb") as stream:
            while block := await part.read(_PIECE):
                stream.write(block)
        reference = target if key == "reference" else reference
    return reference
