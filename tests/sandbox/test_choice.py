"""Which sandbox is opened: containers where an engine answers, and no silence where none does."""

import os
import socket
from pathlib import Path

import pytest

from evaluate.facts.errors import EngineMissingError, UsageError
from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Job, open_sandbox


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_auto_is_the_local_sandbox(tmp_path: Path) -> None:
    sandbox = open_sandbox("auto", scratch=tmp_path / "scratch", environment=os.environ)

    assert (sandbox.name, sandbox.isolated) == ("local", False)
    assert any("network" in words for words in sandbox.describe()["not_enforced"])
    sandbox.close()


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_docker_is_an_error_that_says_where_and_what_to_do(
    tmp_path: Path,
) -> None:
    with pytest.raises(EngineMissingError, match=r"absent\.sock.*--sandbox local") as raised:
        open_sandbox("docker", scratch=tmp_path, environment=os.environ)

    assert raised.value.exit_code == 3


def test_an_address_that_refuses_is_no_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{closed.getsockname()[1]}")

        with pytest.raises(EngineMissingError, match="does not answer"):
            open_sandbox("docker", scratch=tmp_path, environment=os.environ)


@pytest.mark.engine
def test_with_an_engine_auto_is_docker(tmp_path: Path) -> None:
    sandbox = open_sandbox("auto", scratch=tmp_path, environment=os.environ)

    assert (sandbox.name, sandbox.isolated) == ("docker", True)
    assert sandbox.describe()["engine_version"]
    sandbox.close()


@pytest.mark.usefixtures("no_engine")
def test_who_asks_for_a_runtime_never_gets_less_than_that(tmp_path: Path) -> None:
    with pytest.raises(EngineMissingError):
        open_sandbox("auto", scratch=tmp_path, environment=os.environ, runtime="runsc")
    with pytest.raises(UsageError, match=r"--runtime runsc.*no containers"):
        open_sandbox("local", scratch=tmp_path, runtime="runsc")


@pytest.mark.engine
def test_a_runtime_that_the_engine_lacks_is_refused_with_those_that_it_has(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--runtime absent: no such runtime.*runc"):
        open_sandbox("docker", scratch=tmp_path, environment=os.environ, runtime="absent")


@pytest.mark.engine
def test_a_runtime_that_the_engine_has_runs_the_containers(
    tmp_path: Path, submission: Path
) -> None:
    job = Job(
        command=("/bin/sh", "predict.sh"),
        inputs=tmp_path / "inputs",
        outputs=tmp_path / "outputs",
        container_inputs="/workspace/inputs",
        container_outputs="/workspace/outputs",
        limits=Limits(timeout_s=60, memory_mib=256),
    )
    for folder in (job.inputs, job.outputs):
        folder.mkdir()
    (job.inputs / "case.npz").write_bytes(b"case")
    sandbox = open_sandbox(
        "docker", scratch=tmp_path, environment=os.environ, runtime="io.containerd.runc.v2"
    )
    image = sandbox.prepare(str(submission), limits=job.limits)
    try:
        execution = sandbox.run(image, job)
    finally:
        sandbox.release(image)
        sandbox.close()

    assert execution.exit_code == 0
    assert execution.options["HostConfig"]["Runtime"] == "io.containerd.runc.v2"
    assert sandbox.describe()["runtime"] == "io.containerd.runc.v2"
