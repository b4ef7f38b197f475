"""`kill -9` of the engine under a run: nothing is lost, counted twice, or left behind."""

import contextlib
import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from evaluate.store import RunDirectory
from tests.capabilities import SYSTEM_PATH, missing, need
from tests.conftest import first_cases
from tests.harness.answering_image import answering_files, shell_image
from tests.sandbox.archive_writer import write_archive

pytestmark = pytest.mark.engine

Command = Callable[..., subprocess.CompletedProcess[str]]


class Engine:
    """An engine of our own, with its own images and containers, that may be killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.host = f"unix://{folder}/engine.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        (self._folder / "engine.pid").unlink(missing_ok=True)  # left by one that was killed
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    # In a network of its own: without one it would take away the bridge of the
                    # machine's engine.
                    *("unshare", "--net", "dockerd", "--host", self.host),
                    *("--bridge=none", "--iptables=false"),
                    *("--data-root", str(self._folder / "data")),
                    *("--exec-root", str(self._folder / "exec")),
                    *("--pidfile", str(self._folder / "engine.pid")),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"PATH": SYSTEM_PATH},
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket(socket.AF_UNIX) as answer, contextlib.suppress(OSError):
                answer.connect(self.host.removeprefix("unix://"))
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        text = (self._folder / "log").read_text("utf-8", errors="replace")
        missing("second_engine", f"dockerd does not start: {text[-2000:]}")

    def client(self) -> docker.APIClient:
        return docker.APIClient(base_url=self.host, version="auto", timeout=10)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def left(self) -> list[str]:
        """Containers and images that are there."""
        with contextlib.closing(self.client()) as client:
            containers = [name for c in client.containers(all=True) for name in c["Names"]]
            return containers + [image["Id"] for image in client.images(all=True)]

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)
        # What a killed engine has started goes on without it.
        for path in (self._folder / "exec").rglob("*.pid"):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(path.read_text("utf-8")), signal.SIGKILL)
        for line in Path("/proc/self/mounts").read_text("utf-8").splitlines()[::-1]:
            if (target := line.split()[1]).startswith(str(self._folder)):
                subprocess.run(["umount", "--lazy", target], check=False)


@pytest.fixture
def mortal_engine() -> Iterator[Engine]:
    need("second_engine")
    # Not pytest's folder: a socket's path may have a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="segjudge-engine-"))
    engine = Engine(folder)
    try:
        engine.start()
        yield engine
    finally:
        engine.end()
        shutil.rmtree(folder, ignore_errors=True)


def records(run: Path) -> dict[str, tuple[str, str]]:
    with (run / "runs.csv").open(newline="", encoding="utf-8") as stream:
        return {r["case"]: (r["outcome"], r["started_at"]) for r in csv.DictReader(stream)}


def wait_for_result(run: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (run / "ledger.sqlite").exists() and RunDirectory(run).journal():
            return
        time.sleep(0.05)
    pytest.fail("no case ended in a minute")


def test_the_engine_is_killed_and_the_run_goes_on_when_it_is_back(
    mortal_engine: Engine, small_data: Path, segjudge: Command, tmp_path: Path
) -> None:
    data = first_cases(small_data, 3, tmp_path / "data")
    image = shell_image(answering_files(data, seconds=1), "team:latest")
    archive = write_archive(tmp_path / "team.tar", image.members("docker"))
    run = tmp_path / "run"
    command = [sys.executable, "-m", "segjudge", "run", "--manifest", str(data)]
    command += ["--protocol", "cvpr24", "--submission", f"team={archive}", str(run)]
    environment = os.environ | {"DOCKER_HOST": mortal_engine.host}

    first = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    wait_for_result(run)
    mortal_engine.kill()
    _, said = first.communicate(timeout=120)
    assert first.returncode == 3, said
    assert "Traceback" not in said
    assert "the same command again" in said or "run again" in said, said
    done = {case: row for case, row in records(run).items() if row[0] == "ok"}
    assert 1 <= len(done) < 3
    assert {outcome for outcome, _ in records(run).values()} <= {"ok", "harness_error"}
    refused = segjudge("rank", run)
    assert refused.returncode != 0, "a ranking of a run that the engine cut off"

    mortal_engine.start()
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    after = records(run)
    assert {outcome for outcome, _ in after.values()} == {"ok"}
    assert len(after) == 3
    assert {case: after[case] for case in done} == done, "a finished case was run again"
    assert mortal_engine.left() == []
    assert segjudge("score", run).returncode == 0
    with (run / "case_scores.csv").open(newline="", encoding="utf-8") as stream:
        assert [row["dsc"] for row in csv.DictReader(stream)] == ["1.0"] * 3
