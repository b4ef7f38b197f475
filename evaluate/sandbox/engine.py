"""Reaches the container engine, and asks it what it can do."""

import os
import platform
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
import requests

from evaluate.facts.errors import EngineMissingError, UsageError
from evaluate.sandbox.enforcement import contains, not_enforced
from evaluate.sandbox.measurement.cgroup import ROOT
from evaluate.sandbox.policy import EngineFacts

_TIMEOUT_S = 300.0  # the engine unpacks an image's layer without a word
_KNOCK_S = 10.0
_MIB = 2**20
_USER = "user.slice/user-{uid}.slice/user@{uid}.service"  # what systemd hands to a user
# Architectures as the kernel names them, and as images do.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


def open_engine(environment: Mapping[str, str]) -> docker.APIClient:
    """A client of the engine that `DOCKER_HOST` names, or of the machine's own.

    Raises:
        EngineMissingError: none answers.
    """
    where = environment.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    client = None
    try:
        _knock(where)
        client = docker.APIClient(
            version="auto",
            timeout=_TIMEOUT_S,
            **docker.utils.kwargs_from_env(environment=environment),
        )
        client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        if client is not None:
            client.close()
        denied = "Permission denied" in str(error)
        mend = (
            "add yourself to the group `docker` and log in again"
            if denied
            else "start Docker, or set DOCKER_HOST; `--sandbox podman` needs no service;"
            " `--sandbox local` runs without isolation"
        )
        raise EngineMissingError(
            where=f"container engine at {where}",
            found="may not be used by this user" if denied else "does not answer",
            mend=mend,
        ) from error
    return client


def _knock(where: str) -> None:
    """Try the engine's socket once: the SDK leaves it open where nothing listens."""
    if where.startswith("unix://"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_KNOCK_S)
            connection.connect(where.removeprefix("unix://"))


def is_local(engine: docker.APIClient) -> bool:
    """Whether the engine is on this machine, so that its cgroups may be ours to read."""
    return platform.system() == "Linux" and engine.base_url.startswith("http+docker://")


def machine(info: dict[str, Any]) -> tuple[str, str]:
    """Operating system and architecture of the engine, as images name them."""
    architecture = str(info.get("Architecture", ""))
    return str(info.get("OSType", "linux")), _ARCHITECTURES.get(architecture, architecture)


def engine_facts(
    info: dict[str, Any], runtime: str | None = None, *, local: bool = True, root: Path = ROOT
) -> EngineFacts:
    """What the policy has to know, from the engine's answer to `GET /info`.

    The root is where the machine's cgroups are.

    Raises:
        UsageError: the engine has no such runtime.
    """
    podman = "Rootless" in info
    runtimes = sorted(info.get("Runtimes") or {})
    if podman:  # which takes it when its service is started, and passes over a container's own
        runtimes = [str(info.get("DefaultRuntime"))]
    if runtime is not None and runtime not in runtimes:
        raise UsageError(
            where=f"--runtime {runtime}",
            found="no such runtime in the container engine",
            expected=", ".join(runtimes) or "none: this engine has one only",
            mend="start its service with it, or `--sandbox podman` without DOCKER_HOST"
            if podman
            else "install it, name it in the engine's configuration, and restart the engine",
        )
    security = " ".join(info.get("SecurityOptions") or [])
    # The engine says the commit of its init process, or that it has found none; Podman names none,
    # and is tried.
    init = (info.get("InitCommit") or {}).get("ID", "N/A") if info.get("InitBinary") else "N/A"
    rootless = "name=rootless" in security or bool(info.get("Rootless"))
    second = str(info.get("CgroupVersion")) == "2"
    given = None
    if podman and local and (rootless or second):
        given = _given(root, _USER.format(uid=os.getuid()) if rootless else "")

    def can(said: str, controller: str) -> bool:
        return controller in given if given is not None else bool(info.get(said))

    return EngineFacts(
        uid=os.getuid(),
        gid=os.getgid(),
        rootless=rootless,
        podman=podman,
        remapped="name=userns" in security,
        init=init != "N/A",
        seccomp="name=seccomp" in security and "profile=unconfined" not in security,
        memory_limit=can("MemoryLimit", "memory"),
        swap_limit=can("SwapLimit", "swap") or int(info.get("SwapTotal", 1)) == 0,
        pids_limit=can("PidsLimit", "pids"),
        cpu_limit=can("CpuCfsQuota", "cpu"),
        cpus=int(info.get("NCPU", 1)),
        memory_mib=int(info.get("MemTotal", 0)) // _MIB,
        gpus="nvidia" in runtimes,
        runtime=runtime,
        sockets_limit=second or (os.getuid() == 0 and info.get("CgroupDriver") == "cgroupfs"),
        cpuset=can("CPUSet", "cpuset"),
        most_processes=_most_processes() if podman and local else None,
    )


def _most_processes() -> int:
    """As many as have numbers, or as this process may allow its own."""
    import resource  # Windows has none

    limit = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    numbers = int(Path("/proc/sys/kernel/pid_max").read_text(encoding="ascii"))
    return numbers if limit == resource.RLIM_INFINITY else min(limit, numbers)


def _given(root: Path, group: str) -> set[str]:
    """What Podman may limit of memory, swap, processes and CPUs, by version 2 of cgroups.

    It says of itself what it finds of version 1: nothing of CPUs under version 2, and all for an
    ordinary user, whose Podman can do what systemd has handed to the user, under version 2 alone.
    """
    folder = root / group
    try:
        words = (folder / "cgroup.controllers").read_text(encoding="ascii").split()
    except OSError:
        return set()
    # The machine's own group has no limit, those below have.
    swaps = any(any(folder.glob(f"{at}memory.swap.max")) for at in ("", "*/"))
    return {*words, *(["swap"] if swaps else [])}


def describe_engine(
    engine: docker.APIClient, info: dict[str, Any], facts: EngineFacts
) -> dict[str, Any]:
    """What to keep about the engine in run.json and to show in `segjudge doctor`."""
    # Podman takes a second to look up the versions of all that it is made of.
    version = {"ApiVersion": engine.api_version} if facts.podman else engine.version()
    return {
        "name": "podman" if facts.podman else "docker",
        "isolated": contains(not_enforced(None, facts)),
        "engine_version": info.get("ServerVersion", ""),
        "api_version": version.get("ApiVersion", ""),
        "platform": (version.get("Platform") or {}).get("Name", ""),
        "operating_system": info.get("OperatingSystem", ""),
        "kernel": info.get("KernelVersion", ""),
        "architecture": info.get("Architecture", ""),
        "cpus": facts.cpus,
        "memory_mib": facts.memory_mib,
        "gpus": facts.gpus,
        "cgroup_version": int(info.get("CgroupVersion") or 1),
        "cgroup_driver": info.get("CgroupDriver", ""),
        "storage_driver": info.get("Driver", ""),
        "runtime": facts.runtime or info.get("DefaultRuntime", ""),
        "security_options": sorted(info.get("SecurityOptions") or []),
        "rootless": facts.rootless,
        "not_enforced": not_enforced(None, facts),
    }
