"""What works on this machine and what does not, each with what it means for results."""

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

from data_manifest.findings import Finding
from evaluate.doctor.bearings import looked_at
from evaluate.facts.errors import EngineMissingError
from evaluate.sandbox import ImageProblem, SandboxError, lacking
from evaluate.sandbox.choice import open_docker, refuse_on_windows
from evaluate.sandbox.measurement import RunCgroup, delegated
from evaluate.sandbox.ownership import Owner
from evaluate.sandbox.scratch import scratch_folder
from evaluate.sandbox.trial import broken_limits
from metrics import KernelError
from metrics.kernel import count_labels

if TYPE_CHECKING:
    from evaluate.sandbox.docker import DockerSandbox

_DISK_WANTED_GIB = 20
_MEMORY_WANTED_GIB = 10
_GIB = 2**30
_CPU = Path("/sys/devices/system/cpu")
# Facts of the engine that are shown as they are.
_SHOWN = {
    "engine_version": "version",
    "operating_system": "system",
    "kernel": "kernel",
    "architecture": "architecture",
    "runtime": "runtime",
    "rootless": "rootless",
}


def examine_engine(
    environment: Mapping[str, str], sandbox: str = "docker", runtime: str | None = None
) -> list[Finding]:
    """The container engine, and every limit that it does not enforce when it is tried.

    Args:
        environment: the command's variables, which may name an engine (`DOCKER_HOST`).
        sandbox: `docker` or `podman`.
        runtime: of the engine; None for its own choice.

    Raises:
        EngineMissingError: none answers.
        UsageError: it has no such runtime, or this is Windows.
    """
    refuse_on_windows(sandbox)
    with (
        scratch_folder() as scratch,
        # What other harnesses have left is theirs, and their next start's.
        closing(
            open_docker(
                podman=sandbox == "podman",
                environment=environment,
                cache=scratch,
                runtime=runtime,
                clean=False,
            )
        ) as engine,
    ):
        facts = engine.describe()
        tried = _tried(engine, scratch)
    here = _engine_here(facts, engine)
    findings = [
        looked_at(f"engine: {name}", str(facts[key]))
        for key, name in _SHOWN.items()
        if key in facts
    ]
    driver = str(facts.get("storage_driver") or "not said")
    findings += [
        looked_at(
            "engine: storage driver",
            driver,
            good=driver != "vfs",
            meaning="every container copies its whole image: starts are slow, which the times"
            " include, and the disk fills; use overlay2 (`storage-driver` in"
            " /etc/docker/daemon.json)",
        ),
        looked_at(
            "engine: cgroups",
            f"version {facts.get('cgroup_version')}, driver {facts.get('cgroup_driver')}",
            good=facts.get("cgroup_driver") != "none",
            meaning="no limit is enforced and nothing is measured: use an engine with a cgroup"
            " driver",
        ),
        *(
            looked_at(
                "engine: limit",
                f"not enforced: {limit}",
                good=False,
                meaning="run.json records it; do not run untrusted submissions without it",
            )
            for limit in lacking(facts)
        ),
    ]
    return [*findings, *tried, *here]


def _tried(engine: "DockerSandbox", scratch: Path) -> list[Finding]:
    """Each limit that a container could break, or that none could."""
    where = "engine: limits, tried"
    try:
        broken = broken_limits(engine, scratch, engine.machine)
    except (SandboxError, ImageProblem) as error:
        broken = {"containers": f"a plain container can't be run: {error}"}
    if broken is None:
        return [looked_at(where, "not tried: this machine has no shell to try with")]
    if not broken:
        words = "memory, processes, CPUs, time, network, file systems, system calls: all hold"
        return [looked_at(where, words)]
    meaning = "a submission could do the same: no result of this engine is fair, and none is safe"
    return [looked_at(where, text, good=False, meaning=meaning) for text in broken.values()]


def _engine_here(facts: Mapping[str, object], engine: "DockerSandbox") -> list[Finding]:
    """What only an engine on this machine lets us see: its counters and its disk."""
    folder = engine.data_folder
    findings = [_measurement(facts, local=bool(folder))]
    if folder:
        findings.append(_disk("disk of the engine", folder, "set `data-root` of the engine"))
    return findings


def _measurement(facts: Mapping[str, object], *, local: bool) -> Finding:
    cgroup = None
    if local and not facts.get("rootless") and facts["name"] == "docker":
        # Made as a run makes it, so that the answer is a run's.
        cgroup = RunCgroup.make(
            token=Owner.current().token,
            number=0,  # those of runs begin at 1
            version=int(str(facts["cgroup_version"])),
            driver=str(facts["cgroup_driver"]),
        )
    if cgroup is not None:
        cgroup.remove()
    return looked_at(
        "measurement",
        "exact, from the cgroup's counters" if cgroup else "sampled, from the stats stream",
        good=cgroup is not None,
        meaning="CPU time and peak memory miss what happens between two samples, and a short run"
        " may have none; for exact ones, run segjudge as root on the machine of Docker's engine",
    )


def examine_machine(
    environment: Mapping[str, str], sandbox: str = "docker", runtime: str | None = None
) -> list[Finding]:
    """Everything, engine or not; see `examine_engine`."""
    try:
        findings = examine_engine(environment, sandbox, runtime)
    except EngineMissingError as error:
        findings = [
            looked_at(
                "engine",
                f"{error.problems[0].where} {error.problems[0].found}",
                good=False,
                meaning="only the local sandbox works, which is not valid for official scores;"
                f" {error.problems[0].mend}",
            )
        ]
    temporary = tempfile.gettempdir()
    return [
        *findings,
        looked_at(
            "measurement, local sandbox",
            "exact, in this process's own cgroup, which it may divide"
            if delegated(Owner.current().token)
            else "by samples; exact where systemd delegates a cgroup (docs/measurement.md)",
        ),
        looked_at("user", "root" if os.geteuid() == 0 else f"user {os.geteuid()}, not root"),
        _memory(),
        _swap(),
        _disk("disk for temporary files", temporary, "set TMPDIR to a folder on a larger disk"),
        _temporary_in_memory(temporary),
        looked_at("processors", f"{psutil.cpu_count() or 1} x {_model()}"),
        _load(),
        _frequency(),
        _turbo(),
        _clock(),
        _kernel(),
    ]


def _memory() -> Finding:
    gib = psutil.virtual_memory().available / 2**30
    return looked_at(
        "memory",
        f"{gib:.1f} GiB available",
        good=gib >= _MEMORY_WANTED_GIB,
        meaning=f"under {_MEMORY_WANTED_GIB} GiB, a submission within an 8 GiB limit may be stopped"
        " by this machine instead: close other programs",
    )


def _swap() -> Finding:
    used = psutil.swap_memory()
    return looked_at(
        "swap",
        f"{used.used / _GIB:.1f} of {used.total / _GIB:.1f} GiB used",
        good=used.used < 0.5 * used.total or used.total == 0,
        meaning="this machine is short of memory and pages: times will be longer and vary; close"
        " other programs (containers themselves never get swap)",
    )


def _disk(subject: str, folder: str, mend: str) -> Finding:
    try:
        gib = shutil.disk_usage(folder).free / _GIB
    except OSError:
        return looked_at(subject, f"{folder}, which this user can't see")
    return looked_at(
        subject,
        f"{gib:.0f} GiB free in {folder}",
        good=gib >= _DISK_WANTED_GIB,
        meaning=f"under {_DISK_WANTED_GIB} GiB, images and outputs may fill it, and a run stops"
        f" in the middle: delete what is not needed, or {mend}",
    )


def _temporary_in_memory(folder: str) -> Finding:
    here = Path(folder).resolve()
    mounts = [
        part
        for part in psutil.disk_partitions(all=True)
        if here.is_relative_to(Path(part.mountpoint))
    ]
    kind = max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else "not known"
    return looked_at(
        "temporary folder",
        f"{folder}, file system {kind}",
        good=kind not in ("tmpfs", "ramfs"),
        meaning="it lies in memory, which the containers then lack: set TMPDIR to a folder on disk",
    )


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _load() -> Finding:
    load = psutil.getloadavg()[0]
    return looked_at(
        "load",
        f"{load:.1f} programs at work, of the last minute",
        good=load < 0.5 * (psutil.cpu_count() or 1),
        meaning="other programs are running: times will be longer and vary; stop them",
    )


def _frequency() -> Finding:
    governor = _setting("cpu0/cpufreq/scaling_governor")
    return looked_at(
        "frequency scaling",
        governor or "not visible",
        good=governor in ("performance", ""),
        meaning="times vary with temperature and load: `cpupower frequency-set -g performance`",
    )


def _turbo() -> Finding:
    # Intel's own driver says whether it is off, the others whether it is on.
    off, on = _setting("intel_pstate/no_turbo"), _setting("cpufreq/boost")
    state = "not visible" if not off and not on else "off" if off == "1" or on == "0" else "on"
    return looked_at(
        "turbo",
        state,
        good=state != "on",
        meaning="times depend on how warm the processor is: for times to rank by, turn it off"
        " (BIOS, or 1 into /sys/devices/system/cpu/intel_pstate/no_turbo)",
    )


def _setting(name: str) -> str:
    try:
        return (_CPU / name).read_text("utf-8").strip()
    except OSError:
        return ""


def _clock() -> Finding:
    facts = time.get_clock_info("monotonic")
    return looked_at(
        "clock",
        f"monotonic, resolution {facts.resolution:.0e} s",
        good=facts.monotonic and facts.resolution <= 1e-3,
        meaning="times are too coarse to rank by",
    )


def _kernel() -> Finding:
    try:
        one = np.ones((1, 1, 1), np.uint8)
        count_labels(one, one, labels=2)
    except KernelError as error:
        words, good = str(error), False
    else:
        words, good = "compiled, of this version", True
    return looked_at(
        "scoring kernel",
        words,
        good=good,
        meaning="nothing can be scored: install segjudge again (in a checkout, `make`)",
    )
