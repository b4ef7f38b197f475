"""What works on this machine and what does not, each with what it means for results."""

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from evaluate.errors import EngineMissingError
from evaluate.sandbox import open_sandbox

__all__ = ["Finding", "examine_engine", "examine_machine"]

_DISK_WANTED_GIB = 20
_MEMORY_WANTED_GIB = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: what was looked at.
        found: what is there.
        good: whether it is as it should be.
        meaning: what it means for results, and how to mend it; empty if good.
    """

    subject: str
    found: str
    good: bool
    meaning: str = ""


def examine_engine(scratch: Path) -> list[Finding]:
    """The container engine, and every limit that it can't enforce.

    Raises:
        EngineMissingError: none answers.
    """
    sandbox = open_sandbox("docker", scratch=scratch)
    try:
        facts = sandbox.describe()
    finally:
        sandbox.close()
    findings = [
        Finding(subject=f"engine: {key.replace('_', ' ')}", found=str(value), good=True)
        for key, value in sorted(facts.items())
        if isinstance(value, str | int | float)
    ]
    findings += [
        Finding(
            subject="engine: limit",
            found=f"not enforced: {limit}",
            good=False,
            meaning="run.json records it; do not run untrusted submissions without it",
        )
        for limit in facts.get("not_enforced", [])
    ]
    return findings


def examine_machine() -> list[Finding]:
    """Everything, engine or not."""
    with tempfile.TemporaryDirectory(prefix="segjudge-") as scratch:
        try:
            findings = examine_engine(Path(scratch))
        except EngineMissingError as error:
            findings = [
                Finding(
                    subject="engine",
                    found=error.problems[0].found,
                    good=False,
                    meaning="only the local sandbox works, which is not valid for official scores;"
                    f" {error.problems[0].mend}",
                )
            ]
    return [*findings, _memory(), _disk(), _cpu(), _frequency(), _clock()]


def _memory() -> Finding:
    gib = psutil.virtual_memory().available / 2**30
    return Finding(
        subject="memory",
        found=f"{gib:.1f} GiB available",
        good=gib >= _MEMORY_WANTED_GIB,
        meaning=f"under {_MEMORY_WANTED_GIB} GiB, a submission within an 8 GiB limit may be stopped"
        " by this machine instead: close other programs",
    )


def _disk() -> Finding:
    gib = shutil.disk_usage(tempfile.gettempdir()).free / 2**30
    return Finding(
        subject="disk for temporary files",
        found=f"{gib:.0f} GiB free in {tempfile.gettempdir()}",
        good=gib >= _DISK_WANTED_GIB,
        meaning="images and outputs may fill it: set TMPDIR to a larger disk",
    )


def _cpu() -> Finding:
    load = psutil.getloadavg()[0]
    cores = psutil.cpu_count() or 1
    return Finding(
        subject="processors",
        found=f"{cores} cores, load {load:.1f}",
        good=load < 0.5 * cores,
        meaning="other programs are running: times will be longer and vary; stop them",
    )


def _frequency() -> Finding:
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    governor = path.read_text("utf-8").strip() if path.exists() else "not visible"
    return Finding(
        subject="frequency scaling",
        found=governor,
        good=governor in ("performance", "not visible"),
        meaning="times vary with temperature and load: `cpupower frequency-set -g performance`",
    )


def _clock() -> Finding:
    facts = time.get_clock_info("monotonic")
    return Finding(
        subject="clock",
        found=f"monotonic, resolution {facts.resolution:.0e} s",
        good=facts.monotonic and facts.resolution <= 1e-3,
        meaning="times are too coarse to rank by",
    )
