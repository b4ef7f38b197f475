"""Every command of the guides does what the guide says, in a fresh folder, in its order."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from evaluate.checking.starter import write_starter
from evaluate.facts.rules import load_protocol
from tests import source_folders
from tests.docs.console import commands, says

_GUIDES = Path(__file__).parents[2] / "docs" / "guides"


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader of the organiser's guide has: images, references, two submissions."""
    folder = tmp_path_factory.mktemp("start")
    for name in ("images", "references"):
        (folder / name).mkdir()
    for number in (1, 2, 3):
        labels = np.zeros((24, 24, 6), np.uint8)
        labels[4:12, 5:15, 1:5] = 1
        labels[15:21, 6:12, 2:5] = 2
        image = np.random.default_rng(number).normal(60, 10, labels.shape) + 80 * (labels > 0)
        for name, array in (("images", image.astype(np.int16)), ("references", labels)):
            made = nibabel.Nifti1Image(array, np.diag([0.8, 0.8, 2.5, 1.0]))
            nibabel.save(made, folder / name / f"liver_{number}.nii.gz")
    source_folders.nnunet(folder / "Dataset001")
    for team in ("alpha", "beta"):
        write_starter(folder / team, protocol=load_protocol("segjudge"), called="segjudge")
    return folder


@pytest.fixture(scope="module")
def after_a_run(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the organiser's guide leaves: its commands are run here, and compared."""
    folder = tmp_path_factory.mktemp("guide") / "organiser"
    shutil.copytree(start, folder)
    _follow(_GUIDES / "organiser.md", folder)
    return folder


def _follow(guide: Path, folder: Path) -> None:
    again = folder.with_name(folder.name + "-again")
    shutil.copytree(folder, again)
    listed = commands(guide)
    assert listed, f"{guide.name} has no commands"
    for command in listed:
        done = subprocess.run(
            ["sh", "-c", command.line],
            cwd=again if "again" in command.words else folder,
            # No engine: the guides' submissions run in the local sandbox, quickly and anywhere.
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "DOCKER_HOST": "unix:///tmp/none.sock",
                "COLUMNS": "120",
            },
            capture_output=True,
            encoding="utf-8",
            timeout=240,
            check=False,
        )
        printed = f"{guide.name}: $ {command.line}\n{done.stdout}{done.stderr}"
        assert done.returncode == command.exit_code, printed
        assert says(command.output, done.stdout), printed


def test_the_organisers_guide_holds(after_a_run: Path) -> None:
    assert (after_a_run / "my-run" / "report" / "index.html").is_file()


@pytest.mark.parametrize("guide", ["team", "auditor"])
def test_the_guides_that_follow_a_run_hold(guide: str, after_a_run: Path, tmp_path: Path) -> None:
    shutil.copytree(after_a_run, tmp_path / guide)
    _follow(_GUIDES / f"{guide}.md", tmp_path / guide)


def test_every_guide_is_followed_by_a_test() -> None:
    assert {path.stem for path in _GUIDES.glob("*.md")} == {"organiser", "team", "auditor"}


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\n...\nc\n", "a\nb\nb\nc\n", True),
        ("a\n...\nc\n", "a\nb\n", False),
        ("...\n", "", True),
        ("", "a\n", False),
        ("a.\n", "ab\n", False),
    ],
)
def test_dots_stand_for_lines_and_nothing_else_does(
    expected: str, printed: str, same: bool
) -> None:
    assert says(expected, printed) is same
