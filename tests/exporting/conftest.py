"""A challenge of three small volumes, as NIfTI files in folders, and how its images are built."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.capabilities import need
from tests.exporting.organs import build_arguments, labels_of, write_mask

_RULES = """
schema = 2
base = "segjudge"
name = "organs"
title = "Three organs in CT: a <test>"
prompts = []
[input]
files = [{ role = "image", path = "{case}_0000.nii.gz", format = "nii.gz" }]
[output]
path = "{case}.nii.gz"
format = "nii.gz"
key = ""
[scoring]
labels = [1, 2, 3]
"""


@pytest.fixture(scope="session")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`rules.toml` and `references/` with cases a, bb and ccc, one of them in a sub-folder."""
    folder = tmp_path_factory.mktemp("challenge")
    (folder / "rules.toml").write_text(_RULES)
    for case, place in (("a", "."), ("bb", "."), ("ccc", "more")):
        write_mask(folder / "references" / place / f"{case}.nii.gz", labels_of(case))
    (folder / "references" / "notes.txt").write_text("not for participants")
    return folder


@pytest.fixture(scope="session")
def build() -> Iterator[Callable[[Path], str]]:
    """Builds the image of an export's folder; all are removed at the end."""
    need("engine")
    made: list[str] = []

    def call(folder: Path) -> str:
        tag = f"segjudge-test-export-{os.getpid()}-{len(made)}"
        subprocess.run(
            ["docker", "build", "--quiet", *build_arguments(), "--tag", tag, folder],
            check=True,
            capture_output=True,
        )
        made.append(tag)
        return tag

    yield call
    for tag in made:
        subprocess.run(["docker", "rmi", "--force", tag], check=True, capture_output=True)
