"""The cgroup that is made around one container, where this process may make one."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping

from evaluate.sandbox.measurement import RunCgroup, remove_stale_cgroups
from evaluate.sandbox.measurement.cgroup import ROOT, USER
from evaluate.sandbox.policy import EngineFacts

_STOP_S = 10.0


@contextlib.contextmanager
def run_group(
    facts: EngineFacts, about: Mapping[str, object], *, token: str, number: int
) -> Iterator[RunCgroup | None]:
    """A group for a container of an engine on this machine, removed at the end; None without one.

    Podman's own helpers come into it: there it is made for the kernel's record of kills, which
    under systemd is gone with the container's own group before anyone reads it.
    """
    version, driver = int(str(about["cgroup_version"])), str(about["cgroup_driver"])
    cgroup = None
    if (version, driver) == (2, "systemd") if facts.podman else not facts.rootless:
        below = f"{USER.format(uid=os.getuid())}/" if facts.rootless else ""
        cgroup = RunCgroup.make(
            token=token, number=number, version=version, driver=driver, below=below
        )
    try:
        yield cgroup
    finally:
        if cgroup is not None:
            if facts.podman:
                _forget(cgroup.parent, user=facts.rootless)
            cgroup.remove()


def _forget(name: str, *, user: bool) -> None:
    """Let systemd forget the slice, which it has taken for one of its own and keeps."""
    words = ["systemctl", *(["--user"] if user else []), "stop", name]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(words, capture_output=True, timeout=_STOP_S, check=False)  # noqa: S603 - no shell


def remove_stale_groups() -> None:
    """Remove those of harnesses that are gone."""
    for below in ("", USER.format(uid=os.getuid())):
        for name in remove_stale_cgroups(root=ROOT / below):
            if name.endswith(".slice"):
                _forget(name, user=bool(below))
