"""The cgroup that this process runs in, where it may divide it: what systemd calls delegated.

So an ordinary user's harness counts as exactly as root's what it starts itself.
"""

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evaluate.sandbox.measurement.cgroup import (
    PREFIX,
    ROOT,
    RunCgroup,
    groups_of,
    remove_stale_cgroups,
)

_NUMBERS = itertools.count(1)
_ASKED_S = 5.0
_SYSTEMD = Path("/run/systemd/system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """Where groups may be made.

    Attributes:
        token: of the owner.
        version: of cgroups.
        root: version 2: the process's own group; version 1: where the hierarchies are mounted.
        below: version 1: the process's own group in each of them, with a slash at its end.
    """

    token: str
    version: int
    root: Path
    below: str = ""

    @contextmanager
    def group(self) -> Iterator[RunCgroup | None]:
        """A group for one run, removed at the end; None where none can be made any more."""
        group = RunCgroup.make(
            token=self.token,
            number=next(_NUMBERS),
            version=self.version,
            root=self.root,
            below=self.below,
        )
        try:
            yield group
        finally:
            if group is not None:
                group.remove()


def delegated(token: str, *, root: Path = ROOT) -> Delegation | None:
    """Take possession of this process's own group; None where that is not given to it.

    Under version 2 a group that is divided holds no process itself: those in it, which are this one
    and what came with it, move into one for the harness.
    """
    try:
        own = groups_of(os.getpid())
        if not (root / "cgroup.controllers").exists():
            return _version_1(token, own, root)
        folder = root / own[""].lstrip("/")
        if folder.name.startswith(PREFIX):  # another harness's of the same group has done it
            folder = folder.parent
        if not _is_given(folder):
            return None
        remove_stale_cgroups(root=folder)
        harness = folder / f"{PREFIX}{token}_harness"
        harness.mkdir(exist_ok=True)
        for pid in (folder / "cgroup.procs").read_text(encoding="ascii").split():
            (harness / "cgroup.procs").write_text(pid, encoding="ascii")
        (folder / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
    except (OSError, KeyError, ValueError, subprocess.SubprocessError):
        return None
    return Delegation(token=token, version=2, root=folder)


def _version_1(token: str, own: dict[str, str], root: Path) -> Delegation | None:
    paths = {path for kinds, path in own.items() if {"cpuacct", "memory"} & set(kinds.split(","))}
    below = paths.pop().strip("/")
    folders = [root / kind / below for kind in ("cpuacct", "memory")]
    if paths or not below or not all(os.access(folder, os.W_OK) for folder in folders):
        return None
    for folder in folders:
        remove_stale_cgroups(root=folder)
    return Delegation(token=token, version=1, root=root, below=f"{below}/")


def _is_given(folder: Path) -> bool:
    """Whether nobody else divides it: systemd marks what it leaves to others, or says so."""
    if not os.access(folder, os.W_OK) or folder.stat().st_uid != os.getuid():
        return False
    marked = "user.delegate" in os.listxattr(folder)
    if marked or os.getuid() == 0:  # what is root's may be the machine's, unless that is said
        return marked
    if not _SYSTEMD.exists():
        return True
    asked = ["systemctl", "--user", "show", "--property=Delegate", "--value", folder.name]
    said = subprocess.run(asked, capture_output=True, timeout=_ASKED_S, check=False)  # noqa: S603 - no shell
    return said.stdout.strip() == b"yes"
