"""Fixtures of the sandbox's tests: each adapter ready to run, and a view into the engine."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Image, Sandbox, open_sandbox
from segjudge.conformance import Bench
from tests.capabilities import missing


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
        # Its image is removed at the end: not that of another suite with the same engine.
        f"# suite {os.getpid()}\n"
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

    sandbox = open_sandbox(
        "docker", scratch=tmp_path_factory.mktemp("scratch"), environment=os.environ
    )
    image = sandbox.prepare(str(submission), limits=Limits(timeout_s=1, memory_mib=1))
    yield sandbox, image
    sandbox.release(image)
    sandbox.close()
    client = docker.from_env()
    client.images.remove(image.handle, force=True)
    client.close()


def _samples_remain(detail: str) -> None:
    missing("cgroups", detail)


@pytest.fixture(params=["local", pytest.param("docker", marks=pytest.mark.engine)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """Each adapter in turn: what the conformance suite runs on."""
    sandbox, image = request.getfixturevalue(f"{request.param}_sandbox")
    return Bench(sandbox, image, tmp_path, _samples_remain)


@pytest.fixture
def docker_bench(docker_sandbox: tuple[Sandbox, Image], tmp_path: Path) -> Bench:
    """The engine's adapter alone, for what only it promises."""
    return Bench(*docker_sandbox, tmp_path, _samples_remain)


@pytest.fixture
def engine(docker_sandbox: tuple[Sandbox, Image]) -> Iterator[Any]:
    """A client of the engine of the tests' own, to see what the sandbox has left in it."""
    import docker

    client = docker.from_env()
    yield client
    client.close()
