"""What a container engine enforces, by trying it."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from data_manifest.findings import Finding
from evaluate.doctor.bearings import disk, looked_at
from evaluate.sandbox import ImageProblem, SandboxError, lacking
from evaluate.sandbox.choice import open_docker, refuse_on_windows
from evaluate.sandbox.measurement import RunCgroup
from evaluate.sandbox.ownership import Owner
from evaluate.sandbox.scratch import scratch_folder
from evaluate.sandbox.trial import broken_limits

if TYPE_CHECKING:
    from evaluate.sandbox.docker import DockerSandbox


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
        findings.append(disk("disk of the engine", folder, "set `data-root` of the engine"))
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
    how = "sampled, from the stats stream"
    if local:
        how = "sampled, from the container's own cgroup 50 times a second"
        if facts.get("rootless") and facts["cgroup_version"] == 1:
            how = "sampled, from the container's processes five times a second"
    return looked_at(
        "measurement",
        "exact, from the cgroup's counters" if cgroup else how,
        good=cgroup is not None,
        meaning="CPU time and peak memory miss what happens between two samples, and a short run"
        " may have none; for exact ones, run segjudge as root on the machine of Docker's engine",
    )
