"""An image that was replaced under the same tag is found, and the recorded one is still run."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.auditing.conftest import command
from tests.conftest import first_cases
from tests.sandbox.archive_writer import HandmadeImage, shell_files, tar_of, write_archive

_TAG = "segjudge-test-audit:latest"
_MOUNTS = {"workspace/inputs": 0o755, "workspace/outputs": 0o755, "tmp": 0o777}


def _load(folder: Path, word: str) -> HandmadeImage:
    """Load an image whose only deed is to say a word and fail, under the tag."""
    files = shell_files() | {"predict.sh": f"echo {word}; exit 3\n".encode()}
    image = HandmadeImage([tar_of(files, folders={"bin": 0o755, **_MOUNTS})], tags=[_TAG])
    path = write_archive(folder / f"{word}.tar", image.members("docker"))
    subprocess.run(["docker", "load", "-i", path], check=True, capture_output=True)
    return image


@pytest.fixture
def tag(tmp_path: Path) -> Iterator[list[HandmadeImage]]:
    """Images that stand, or stood, under the tag; all are removed at the end."""
    images = [_load(tmp_path, "first")]
    yield images
    for name in (_TAG, *(image.id for image in images)):
        subprocess.run(["docker", "rmi", "-f", name], check=False, capture_output=True)


@pytest.mark.engine
def test_an_image_that_was_replaced_under_its_tag_is_named(
    tag: list[HandmadeImage], small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("protocol", "show", "segjudge") == 0
    text = capsys.readouterr().out
    rules = tmp_path / "rules.toml"
    line = 'command = ["/bin/bash", "-c", "sh predict.sh"]'
    assert line in text
    rules.write_text(text.replace(line, 'command = ["/bin/sh", "/predict.sh"]'), "utf-8")
    data = first_cases(small_data, 1, tmp_path / "data")
    run = tmp_path / "run"
    named = ("--submission", f"alpha={_TAG}", "--sandbox", "docker")
    assert command("run", "--manifest", data, "--protocol", rules, *named, run) == 0
    assert command("score", run, "--jobs", 1) == 0
    assert command("rank", run, "--bootstrap", 0) == 0
    assert command("audit", run) == 0

    tag.append(_load(tmp_path, "second"))
    assert command("audit", run) == 1
    document = json.loads((run / "audit.json").read_text("utf-8"))
    (finding,) = document["findings"]
    assert (finding["cause"], finding["where"]) == ("image replaced", _TAG)
    assert (finding["recorded"], finding["found"]) == (tag[0].id, tag[1].id)

    assert command("audit", run, "--rerun", "--sample", 1) == 1
    document = json.loads((run / "audit.json").read_text("utf-8"))
    (verdict,) = document["verdicts"]
    assert verdict["verdict"] == "reproduced bit for bit"  # the recorded one, by its digest
    assert "image replaced" in verdict["words"]
    assert not any("container options" in note for note in document["notes"])

    subprocess.run(["docker", "rmi", tag[0].id], check=True, capture_output=True)
    assert command("audit", run, "--rerun", "--sample", 1) == 1
    document = json.loads((run / "audit.json").read_text("utf-8"))
    assert document["verdicts"][0]["verdict"] == "could not be run"
