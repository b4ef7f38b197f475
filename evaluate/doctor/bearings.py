"""One thing that `segjudge doctor` looked at, and what it is to the results."""

import shutil

from data_manifest.findings import Finding, Severity

_DISK_WANTED_GIB = 20
# What each thing is to the results.
_BEARS_ON = {
    "engine": "what contains submissions",
    "engine: version": "kept in run.json; an old one lacks mended holes",
    "engine: system": "kept in run.json: an audit compares it",
    "engine: kernel": "all that stands between a container and this machine",
    "engine: architecture": "images for another one do not run",
    "engine: runtime": "how containers are held; `--runtime` chooses another",
    "engine: rootless": "a rootless engine runs submissions as its own user",
    "engine: storage driver": "how fast images load and containers start",
    "engine: cgroups": "what limits and counts CPU time and memory",
    "engine: limit": "what a hostile submission could exceed",
    "engine: limits, tried": "what a container that breaks each limit meets",
    "measurement": "how exact CPU time and peak memory are",
    "measurement, local sandbox": "the same, without an engine",
    "disk of the engine": "images are kept there",
    "user": "who may ask the kernel for exact counters",
    "memory": "what a submission may really use, whatever its limit is",
    "swap": "a machine that swaps gives times of its disk",
    "disk for temporary files": "inputs and outputs of the case that runs",
    "temporary folder": "in memory, it takes from the submissions' memory",
    "processors": "times are of this machine, and kept with it",
    "load": "what else runs makes times longer and varied",
    "frequency scaling": "times follow the clock rate",
    "turbo": "times follow temperature",
    "clock": "wall-clock times are read from it",
    "scoring kernel": "scores are computed by it",
}


def looked_at(where: str, found: str, *, good: bool = True, meaning: str = "") -> Finding:
    """What was found of one thing."""
    return Finding(
        where=where,
        found=found,
        mend="" if good else meaning,
        severity=Severity.OK if good else Severity.WARNING,
        why=_BEARS_ON[where],
    )


def disk(subject: str, folder: str, mend: str) -> Finding:
    """The room where a folder is."""
    try:
        gib = shutil.disk_usage(folder).free / 2**30
    except OSError:
        return looked_at(subject, f"{folder}, which this user can't see")
    return looked_at(
        subject,
        f"{gib:.0f} GiB free in {folder}",
        good=gib >= _DISK_WANTED_GIB,
        meaning=f"under {_DISK_WANTED_GIB} GiB, images and outputs may fill it, and a run stops"
        f" in the middle: delete what is not needed, or {mend}",
    )
