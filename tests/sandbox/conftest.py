"""Fixtures of the sandbox's tests: a bench that runs a few lines of code under chosen limits."""

import os
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evaluate.protocol import Limits
from evaluate.sandbox import Execution, Image, Job, Sandbox, open_sandbox

# Where the command finds its folders: by the protocol's paths, or by the local sandbox's variables.
_PREAMBLE = """
import os, signal, subprocess, sys, time
inputs = os.environ.get("SEGJUDGE_INPUTS", "/workspace/inputs")
outputs = os.environ.get("SEGJUDGE_OUTPUTS", "/workspace/outputs")
"""


@dataclass
class Bench:
    """A sandbox with one image of it, and folders for jobs."""

    sandbox: Sandbox
    image: Image
    folder: Path
    jobs: list[Path] = field(default_factory=list)

    def job(self, command: tuple[str, ...], **limits: Any) -> Job:
        """A job with an input file `case.npz` and fresh folders."""
        folder = self.folder / f"job{len(self.jobs)}"
        self.jobs.append(folder)
        inputs, outputs = folder / "inputs", folder / "outputs"
        inputs.mkdir(parents=True)
        outputs.mkdir()
        (inputs / "case.npz").write_bytes(b"the case")
        return Job(
            command=command,
            inputs=inputs,
            outputs=outputs,
            container_inputs="/workspace/inputs",
            container_outputs="/workspace/outputs",
            limits=Limits(**{"timeout_s": 20.0, "memory_mib": 512, **limits}),
        )

    def run(self, *command: str, image: Image | None = None, **limits: Any) -> Execution:
        """Run an argument vector."""
        return self.sandbox.run(image or self.image, self.job(command, **limits))

    def python(self, code: str, **limits: Any) -> Execution:
        """Run Python code, in which `inputs`, `outputs` and the usual modules are there."""
        return self.run("python3", "-c", _PREAMBLE + textwrap.dedent(code), **limits)

    @property
    def outputs(self) -> Path:
        """Outputs of the last job."""
        return self.jobs[-1] / "outputs"


@pytest.fixture(scope="session")
def submission(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission's folder, for either sandbox: copies its inputs to its outputs."""
    folder = tmp_path_factory.mktemp("submission")
    (folder / "predict.sh").write_text(
        'cp "${SEGJUDGE_INPUTS:-/workspace/inputs}"/* "${SEGJUDGE_OUTPUTS:-/workspace/outputs}"\n'
        "echo predicted\n"
    )
    (folder / "Dockerfile").write_text(
        "ARG BASE_IMAGE=python:3.11-slim\nFROM ${BASE_IMAGE}\nWORKDIR /workspace\nCOPY . .\n"
    )
    return folder


@pytest.fixture(scope="session")
def local_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Image]]:
    """The local sandbox, ready."""
    sandbox = open_sandbox("local", scratch=tmp_path_factory.mktemp("scratch"))
    folder = tmp_path_factory.mktemp("empty")
    (folder / "predict.sh").write_text("exit 0\n")
    yield sandbox, sandbox.prepare(str(folder), limits=Limits(timeout_s=1, memory_mib=1))
    sandbox.close()


@pytest.fixture(scope="session")
def docker_sandbox(
    tmp_path_factory: pytest.TempPathFactory, submission: Path
) -> Iterator[tuple[Sandbox, Image]]:
    """The engine's sandbox, with one image for all tests, removed at the end."""
    import docker

    sandbox = open_sandbox("docker", scratch=tmp_path_factory.mktemp("scratch"))
    image = sandbox.prepare(str(submission), limits=Limits(timeout_s=1, memory_mib=1))
    yield sandbox, image
    sandbox.release(image)
    sandbox.close()
    client = docker.from_env()
    client.images.remove(image.handle, force=True, noprune=True)
    client.close()


@pytest.fixture(params=["local", pytest.param("docker", marks=pytest.mark.engine)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """Each adapter in turn: what the conformance suite runs on."""
    sandbox, image = request.getfixturevalue(f"{request.param}_sandbox")
    return Bench(sandbox, image, tmp_path)


@pytest.fixture
def docker_bench(docker_sandbox: tuple[Sandbox, Image], tmp_path: Path) -> Bench:
    """The engine's adapter alone, for what only it promises."""
    return Bench(*docker_sandbox, tmp_path)


@pytest.fixture
def engine(docker_sandbox: tuple[Sandbox, Image]) -> Iterator[Any]:
    """A client of the engine of the tests' own, to see what the sandbox has left in it."""
    import docker

    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def processes_in(tmp_path: Path) -> Callable[[str], list[int]]:
    """Finds processes of this machine by a word in their command line."""

    def find(word: str) -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes()
            except OSError:
                continue
            if word.encode() in line and int(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
        return found

    return find
