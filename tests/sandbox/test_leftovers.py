"""What a harness leaves that is interrupted (nothing) or killed (what the next one removes)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from evaluate.sandbox import Image, Sandbox, open_sandbox
from evaluate.sandbox.ownership import Owner
from tests.sandbox.archive_writer import HandmadeImage, shell_files, tar_of, write_archive

_HARNESS = """
import os
import sys
from pathlib import Path
from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Job, open_sandbox

kind, reference, folder = sys.argv[1:]
limits = Limits(timeout_s=60, memory_mib=128)
inputs, outputs = Path(folder, "in"), Path(folder, "out")
inputs.mkdir()
outputs.mkdir()
sandbox = open_sandbox(kind, scratch=Path(folder, "scratch"), environment=os.environ)
try:
    image = sandbox.prepare(reference, limits=limits)
    command = ("/bin/sh", "-c", "echo > ${SEGJUDGE_OUTPUTS:-/workspace/outputs}/started; sleep 61")
    sandbox.run(image, Job(command=command, inputs=inputs, outputs=outputs, limits=limits,
        container_inputs="/workspace/inputs", container_outputs="/workspace/outputs"))
finally:
    sandbox.close()
"""


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Any]:
    """Starts a harness of its own process, in the middle of a run."""
    started: list[subprocess.Popen[bytes]] = []

    def start(kind: str, reference: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", _HARNESS, kind, reference, str(tmp_path)],
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        deadline = time.monotonic() + 30
        while not (tmp_path / "out" / "started").exists():
            assert process.poll() is None, "the harness ended too early"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An image of a volume and a shell, whose content is of this run alone."""
    files = shell_files() | {"unique": os.urandom(16), "bin/sleep": Path("/bin/sleep").read_bytes()}
    folders = {"workspace/inputs": 0o755, "workspace/outputs": 0o755, "data": 0o755}
    image = HandmadeImage(
        [tar_of(files, folders={"bin": 0o755, **folders})], settings={"Volumes": {"/data": {}}}
    )
    return write_archive(tmp_path / "team.tar", image.members("docker"))


def _left(engine: Any, pid: int) -> list[str]:
    """What bears the token of a process, anywhere."""
    word = f"_{pid}_"
    names = [c.name for c in engine.containers.list(all=True, ignore_removed=True)]
    names += [v.id for v in engine.volumes.list()]
    names += [tag for image in engine.images.list() for tag in image.tags]
    names += [str(path) for path in Path("/sys/fs/cgroup").glob("*/segjudge_*")]
    return [name for name in names if "segjudge" in name and word in name]


def _runs(process: psutil.Process) -> bool:
    """Whether it does anything; one that nobody has asked for its exit code does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.engine
def test_an_interrupted_harness_leaves_nothing(harness: Any, engine: Any, archive: Path) -> None:
    process = harness("docker", str(archive))
    assert len(_left(engine, process.pid)) >= 3

    process.send_signal(signal.SIGINT)
    process.wait(timeout=20)

    assert _left(engine, process.pid) == []


@pytest.mark.engine
def test_what_a_killed_harness_leaves_is_removed_by_the_next_and_not_before(
    harness: Any,
    engine: Any,
    archive: Path,
    docker_sandbox: tuple[Sandbox, Image],
    tmp_path: Path,
) -> None:
    process = harness("docker", str(archive))
    open_sandbox(
        "docker", scratch=tmp_path, environment=os.environ
    ).close()  # while the other is at work
    assert len(_left(engine, process.pid)) >= 3
    process.kill()
    process.wait()
    assert len(_left(engine, process.pid)) >= 3

    open_sandbox("docker", scratch=tmp_path, environment=os.environ).close()

    assert _left(engine, process.pid) == []
    # Another harness, this very process, has lost nothing.
    assert engine.images.get(docker_sandbox[1].handle)


def test_an_interrupted_harness_leaves_no_process_and_no_folder(
    harness: Any, tmp_path: Path
) -> None:
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "predict.sh").touch()
    process = harness("local", str(tmp_path / "submission"))
    children = psutil.Process(process.pid).children(recursive=True)
    assert children

    process.send_signal(signal.SIGINT)
    process.wait(timeout=20)

    assert not any(_runs(child) for child in children)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_folder_and_processes_that_a_killed_harness_leaves_are_removed_by_the_next(
    harness: Any, tmp_path: Path
) -> None:
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "predict.sh").touch()
    process = harness("local", str(tmp_path / "submission"))
    children = psutil.Process(process.pid).children(recursive=True)
    open_sandbox("local", scratch=tmp_path / "scratch").close()
    assert len(list((tmp_path / "scratch").iterdir())) == 1
    process.kill()
    process.wait()

    open_sandbox("local", scratch=tmp_path / "scratch").close()

    assert list((tmp_path / "scratch").iterdir()) == []
    assert not any(_runs(child) for child in children)


def test_an_owner_is_read_back_from_its_token() -> None:
    owner = Owner.current()

    assert Owner.parse(owner.token) == owner
    assert owner.token.replace("_", "").isalnum()
    assert not owner.is_gone()


@pytest.mark.parametrize("text", ["", "latest", "a_b_1_2", "../../x", "1" * 400])
def test_what_is_no_token_is_nobody_s(text: str) -> None:
    assert Owner.parse(text) is None


def test_only_a_process_that_is_surely_gone_is_gone() -> None:
    mine = Owner.current()
    ended = subprocess.Popen(["true"])
    ended.wait()

    assert Owner(mine.host, mine.boot, ended.pid, mine.started).is_gone()
    assert Owner(mine.host, mine.boot, mine.pid, mine.started - 1).is_gone()
    assert Owner(mine.host, "00000000", mine.pid, mine.started).is_gone()
    assert not Owner("00000000", mine.boot, ended.pid, 0).is_gone()  # another machine's


@pytest.mark.parametrize("name", ["SIGHUP", "SIGQUIT", "SIGTERM", "SIGUSR1"])
def test_a_polite_signal_ends_a_harness_like_ctrl_c(
    name: str, small_data: Path, make_submission: Any, tmp_path: Path
) -> None:
    """A terminal that is closed leaves no command running without a time limit."""
    started = tmp_path / "started"
    lines = f"pathlib.Path({str(started)!r}).write_text(str(os.getpid()))\ntime.sleep(61)\n"
    team = make_submission("sleeper", lines)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "segjudge", "run", "--manifest", str(small_data)),
            *("--protocol", "cvpr24", "--sandbox", "local", "--submission", f"team={team}"),
            str(tmp_path / "run"),
        ],
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not (started.exists() and started.read_text("utf-8")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    _, said = process.communicate(timeout=30)

    assert process.returncode == 130, said
    assert b"nothing is lost" in said
    assert not psutil.pid_exists(int(started.read_text("utf-8")))
