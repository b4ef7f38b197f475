"""A sandbox of another package is found by its entry point, and what is not there is named."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evaluate.cli import main
from evaluate.sandbox.local import LocalSandbox


class Elsewhere(LocalSandbox):
    """Another package's sandbox."""

    name = "elsewhere"


def open_elsewhere(*, scratch: Path, **_: object) -> Elsewhere:
    """What the entry point names."""
    return Elsewhere(scratch=scratch)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution with that entry point, as pip would leave it."""
    folder = tmp_path / "site" / "elsewhere-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        f"[segjudge.sandboxes]\nelsewhere = {__name__}:open_elsewhere\nbroken = no_such_module:x\n"
    )
    monkeypatch.syspath_prepend(folder.parent)
    yield


@pytest.fixture
def run(small_data: Path, participants: Path, tmp_path: Path) -> Callable[[str], int]:
    """Runs a submission in the sandbox of that name, into `run`."""

    def start(name: str) -> int:
        arguments = ["run", "--manifest", str(small_data), "--protocol", "cvpr24"]
        submission = f"--submission=team={participants / 'boxfill'}"
        return main([*arguments, submission, str(tmp_path / "run"), "--sandbox", name])

    return start


@pytest.mark.usefixtures("installed")
def test_an_installed_sandbox_runs_submissions(run: Callable[[str], int], tmp_path: Path) -> None:
    assert run("elsewhere") == 0
    (machine,) = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))["machines"].values()
    assert machine["sandbox"]["name"] == "elsewhere"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "words"), [("nowhere", "auto, docker, podman, local"), ("broken", "no_such_module")]
)
def test_one_that_is_not_there_is_told_in_one_line(
    run: Callable[[str], int], capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    assert run(name) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
