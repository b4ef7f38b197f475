"""What works on this machine and what does not, each with what it means for results."""

import os
import platform
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import psutil

from data_manifest.findings import Finding
from evaluate.doctor.bearings import disk, looked_at
from evaluate.doctor.engine_examined import examine_engine
from evaluate.facts.errors import EngineMissingError
from evaluate.sandbox.measurement import delegated
from evaluate.sandbox.ownership import Owner
from metrics import KernelError
from metrics.kernel import count_labels

_MEMORY_WANTED_GIB = 10
_GIB = 2**30
_CPU = Path("/sys/devices/system/cpu")


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
        disk("disk for temporary files", temporary, "set TMPDIR to a folder on a larger disk"),
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
