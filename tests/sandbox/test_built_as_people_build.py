"""Images with the libraries that people use run as they are: caches, workers, weights, conda.

Their packages come from a registry, so that building one takes a minute.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Ending, Image
from segjudge.conformance import Bench

pytestmark = [pytest.mark.engine, pytest.mark.soak]

_LIMITS = Limits(timeout_s=60, memory_mib=1024)
# The challenge's own baseline: a user of its own, and `pip install --user`.
_BASELINE = """FROM python:3.11-slim
RUN useradd -m user
USER user
WORKDIR /home/user/app
RUN python3 -m pip install --user numba matplotlib
"""
# A stand-in for conda: an environment that only an interactive bash knows.
_CONDA = """FROM python:3.11-slim
RUN python3 -m venv /opt/conda/envs/model && /opt/conda/envs/model/bin/pip install numpy && \
 echo '. /opt/conda/envs/model/bin/activate' >> /root/.bashrc && chmod -R go-rwx /opt/conda
WORKDIR /workspace
"""


@pytest.fixture(scope="module")
def images(docker_sandbox: Any) -> Iterator[Any]:
    """Builds images, and removes them at the end."""
    import docker

    client = docker.from_env()
    made: list[str] = []

    def build(dockerfile: str) -> Image:
        image, _ = client.images.build(fileobj=io.BytesIO(dockerfile.encode()), rm=True)
        made.append(image.id)
        prepared: Image = docker_sandbox[0].prepare(image.id, limits=_LIMITS)
        return prepared

    yield build
    for image in made:
        client.images.remove(image, force=True)
    client.close()


def test_numba_and_matplotlib_of_the_user_s_own_packages_keep_their_caches(
    docker_bench: Bench, images: Any
) -> None:
    image = images(_BASELINE)
    code = """
import os, sys, matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.savefig("/tmp/a.png")
with open("/tmp/m.py", "w") as file:
    print("import numba", "@numba.njit(cache=True)", "def g(x): return x + 1", sep="\\n", file=file)
sys.path.insert(0, "/tmp")
import m, numba
print(m.g(1), numba.get_num_threads(), bool(os.listdir(os.environ["NUMBA_CACHE_DIR"])))
"""
    limits = {"timeout_s": 120.0, "memory_mib": 2048, "cpus": 1.0}
    ended = docker_bench.run("python3", "-c", code, image=image, **limits)
    docker_bench.sandbox.release(image)

    assert ended.exit_code == 0, ended.log.decode()
    assert ended.log.splitlines()[-1] == b"2 1 True"
    assert b"not writable" not in ended.log


def test_an_environment_of_an_interactive_bash_is_found(docker_bench: Bench, images: Any) -> None:
    image = images(_CONDA)
    ended = docker_bench.run(
        "/bin/bash", "-ic", 'python3 -c "import numpy; print(numpy.ones(3).sum())"', image=image
    )
    docker_bench.sandbox.release(image)

    assert ended.exit_code == 0, ended.log.decode()
    assert b"3.0" in ended.log


def test_data_loaders_of_torch_pass_batches_from_their_workers(
    docker_bench: Bench, participants: Path
) -> None:
    image = docker_bench.sandbox.prepare(str(participants / "litemedsam"), limits=_LIMITS)
    code = """
import torch
from torch.utils.data import DataLoader, Dataset
class Slices(Dataset):
    def __len__(self):
        return 6
    def __getitem__(self, index):
        return torch.ones(10 << 20)
print(sum(batch.numel() >> 20 for batch in DataLoader(Slices(), batch_size=2, num_workers=2)))
"""
    limits = {"timeout_s": 120.0, "memory_mib": 3000}
    ended = docker_bench.run("python3", "-W", "ignore", "-c", code, image=image, **limits)
    docker_bench.sandbox.release(image)

    assert (ended.ending, ended.exit_code) == (Ending.EXITED, 0), ended.log.decode()
    assert ended.log.splitlines()[-1] == b"60"
