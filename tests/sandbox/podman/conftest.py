"""The fixtures of the sandbox's tests with Podman in Docker's place."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Image, Sandbox, open_sandbox
from evaluate.sandbox.podman import podman_service
from segjudge.conformance import Bench
from tests.capabilities import ROOTLESS_USER, need

# It may read what root has installed; Podman may not.
_AS_USER = ("setpriv", f"--reuid={ROOTLESS_USER}", f"--regid={ROOTLESS_USER}", "--init-groups",
            "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")  # fmt: skip
_PODMAN = '#!/bin/sh\nexec setpriv --ambient-caps=-all --inh-caps=-all {} "$@"\n'


@pytest.fixture(scope="session")
def podman_settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which Podman knows gVisor, and runs containers by runc where crun can't.

    That knows no mixed cgroups.
    """
    settings = tmp_path_factory.mktemp("podman") / "containers.conf"
    # The platform that needs nothing of the machine's processor; and no network to copy.
    runsc = settings.with_name("runsc")
    runsc.write_text('#!/bin/sh\nexec runsc --platform=ptrace --network=none "$@"\n')
    runsc.chmod(0o755)
    mixed = not Path("/sys/fs/cgroup/cgroup.controllers").exists()
    own = 'runtime = "runc"\ncgroup_manager = "cgroupfs"\n' if mixed else ""
    settings.write_text(f'[engine]\n{own}[engine.runtimes]\nrunsc = ["{runsc}"]\n')
    return {**os.environ, "CONTAINERS_CONF": str(settings)}


@pytest.fixture(scope="session")
def podman(podman_settings: dict[str, str]) -> Iterator[dict[str, str]]:
    """Where a service of Podman's answers."""
    need("podman")
    with podman_service(podman_settings, None) as environment:
        yield environment


@pytest.fixture(scope="session")
def docker_sandbox(
    podman: dict[str, str], tmp_path_factory: pytest.TempPathFactory, submission: Path
) -> Iterator[tuple[Sandbox, Image]]:
    """Podman's sandbox, with one image for all tests."""
    sandbox = open_sandbox("podman", scratch=tmp_path_factory.mktemp("scratch"), environment=podman)
    image = sandbox.prepare(str(submission), limits=Limits(timeout_s=1, memory_mib=1))
    yield sandbox, image
    sandbox.release(image)
    sandbox.close()
    client = docker.DockerClient(base_url=podman["DOCKER_HOST"])
    client.images.remove(image.handle, force=True)
    client.close()


@pytest.fixture
def ordinary_user(podman_settings: dict[str, str]) -> Iterator[tuple[list[str], dict[str, str]]]:
    """What starts a program as an ordinary user with Podman, and its environment."""
    need("rootless")
    with tempfile.TemporaryDirectory() as name:  # a socket's path is short
        folder = Path(name)
        environment = {**podman_settings, "STORAGE_DRIVER": "overlay", "TMPDIR": name}
        if os.geteuid() != 0:
            yield [], environment
            return
        user = pwd.getpwnam(ROOTLESS_USER)
        settings = shutil.copy(podman_settings["CONTAINERS_CONF"], folder)
        program = folder / "bin" / "podman"
        program.parent.mkdir()
        program.write_text(_PODMAN.format(shutil.which("podman")))
        program.chmod(0o755)
        os.chown(folder, user.pw_uid, user.pw_gid)
        yield [*_AS_USER], environment | {
            "CONTAINERS_CONF": str(settings), "HOME": user.pw_dir, "XDG_RUNTIME_DIR": name,
            "PATH": f"{program.parent}:{os.environ['PATH']}",
        }  # fmt: skip


@pytest.fixture
def known(request: pytest.FixtureRequest, docker_sandbox: tuple[Sandbox, Image]) -> None:
    """A test whose words in the module's `SAID` are in `not_enforced` must fail, and no other.

    Without a limit of processes a bomb takes the whole machine, and is not tried.
    """
    said = "; ".join(docker_sandbox[0].describe()["not_enforced"])
    words = request.module.SAID.get(request.node.name)
    if words == "processes:" and words in said:
        pytest.xfail("nothing limits the processes here")
    if words and words in said:
        request.applymarker(pytest.mark.xfail(reason=words, strict=True))


@pytest.fixture
def bench(docker_bench: Bench) -> Bench:
    """Podman's alone."""
    return docker_bench


@pytest.fixture
def engine(podman: dict[str, str]) -> Iterator[Any]:
    """A client of Podman's of the tests' own."""
    client = docker.DockerClient(base_url=podman["DOCKER_HOST"])
    yield client
    client.close()
