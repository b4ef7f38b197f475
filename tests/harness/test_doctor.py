"""`segjudge doctor` says what works here, what each finding means, and how to mend it."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluate.sandbox.measurement import remove_stale_cgroups

_NOWHERE = "unix:///tmp/none.sock"


def test_without_an_engine_it_says_so_in_words_and_in_the_exit_code(
    segjudge: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", _NOWHERE)
    done = segjudge("doctor", "--json", "found.json")
    assert done.returncode == 3
    assert f"LOOK  engine: container engine at {_NOWHERE} does not answer" in done.stdout
    assert "start Docker" in done.stdout
    data = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert data["engine"] is False
    subjects = {finding["subject"] for finding in data["findings"]}
    # Everything else is looked at all the same.
    assert subjects >= {
        *("engine", "user", "memory", "swap", "disk for temporary files", "temporary folder"),
        *("processors", "load", "frequency scaling", "turbo", "clock", "scoring kernel"),
    }


def test_each_finding_that_is_not_good_says_what_it_means(
    segjudge: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", _NOWHERE)
    segjudge("doctor", "--json", "found.json")
    findings = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["findings"]
    assert any(not finding["good"] for finding in findings)
    for finding in findings:
        assert finding["good"] == (finding["meaning"] == ""), finding["subject"]


def test_asked_only_for_the_engine_it_is_one_line_where_none_answers(
    segjudge: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", _NOWHERE)
    done = segjudge("doctor", "--engine")
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert not done.stdout


@pytest.mark.memory_files
def test_a_temporary_folder_in_memory_is_named(
    segjudge: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", _NOWHERE)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        done = segjudge("doctor")
    assert f"LOOK  temporary folder: {folder}, file system tmpfs" in done.stdout


@pytest.mark.engine
def test_an_engine_is_described_and_nothing_is_left_behind(segjudge: Callable) -> None:
    done = segjudge("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for subject in ("version", "storage driver", "cgroups"):
        assert f"engine: {subject}: " in done.stdout
    assert "measurement: " in done.stdout
    assert not list(Path("/sys/fs/cgroup").glob("**/segjudge_doctor*"))


_KILLED = """
import os
from evaluate.doctor import examining
from evaluate.sandbox.measurement import RunCgroup
examining._tried = lambda *_: []
RunCgroup.remove = lambda _: os.kill(os.getpid(), 9)
examining.examine_engine(os.environ)
"""


@pytest.mark.engine
def test_what_a_killed_doctor_leaves_the_next_command_removes() -> None:
    with subprocess.Popen([sys.executable, "-c", _KILLED]) as killed:
        killed.wait(60)

    def left() -> list[Path]:
        return [*Path("/sys/fs/cgroup").glob(f"**/segjudge_*_{killed.pid}_t*")]

    if killed.returncode != -9:
        pytest.skip("this user may make no cgroup beside the engine's: run the tests as root")
    assert left()
    remove_stale_cgroups()
    assert not left()
