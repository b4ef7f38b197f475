"""A submission of a shell, a few megabytes with all it needs, that gives answers made before."""

import io
import json
from pathlib import Path

import numpy as np

from tests.sandbox.archive_writer import HandmadeImage, shell_files, tar_of

PROGRAMS = ("cat", "dirname", "sleep")
PREDICT = """set -eu
cd "$(dirname "$0")"
for case in "${SEGJUDGE_INPUTS:-/workspace/inputs}"/*.npz; do
    sleep SECONDS
    cat "answers/${case##*/}" > "${SEGJUDGE_OUTPUTS:-/workspace/outputs}/${case##*/}"
done
"""


def answering_files(manifest: Path, *, seconds: float, shift: int = 0) -> dict[str, bytes]:
    """What its folder has: the references, some columns to the right, and what hands them out.

    Args:
        manifest: of the data set.
        seconds: what a case takes.
        shift: by how many columns an answer is wrong.
    """
    files = {"predict.sh": PREDICT.replace("SECONDS", str(seconds)).encode()}
    for case in json.loads(manifest.read_text("utf-8"))["cases"]:
        with np.load(manifest.parent / case["reference"]["path"]) as reference:
            answer = io.BytesIO()
            np.savez_compressed(answer, segs=np.roll(reference["gts"], shift, axis=-1))
        files[f"answers/{case['id']}.npz"] = answer.getvalue()
    return files


def shell_image(files: dict[str, bytes], tag: str) -> HandmadeImage:
    """An image with a shell and the files in /workspace."""
    programs = shell_files()
    programs |= {f"bin/{name}": Path(f"/bin/{name}").read_bytes() for name in PROGRAMS}
    programs["bin/bash"] = programs["bin/sh"]  # by which the protocol starts it
    folders = ("bin", "workspace", "workspace/inputs", "workspace/outputs", "workspace/answers")
    layer = tar_of(
        programs | {f"workspace/{name}": data for name, data in files.items()},
        folders=dict.fromkeys(folders, 0o755),
    )
    return HandmadeImage([layer], settings={"WorkingDir": "/workspace"}, tags=[tag])
