"""An ordinary user's harness counts exactly what it starts, in a cgroup that is given to it."""

import json
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluate.facts.run_rules import Limits
from evaluate.sandbox.local import LocalSandbox
from evaluate.sandbox.measurement import delegated
from evaluate.sandbox.ownership import Owner
from evaluate.sandbox.port import Job

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="cgroups are Linux's: run this test there"
)

_USER = 12345
_CGROUPS = Path("/sys/fs/cgroup")
# A child that leaves the tree, and that nobody waits for.
_PREDICT = """
(setsid sh -c 'x=0123456789abcdef; n=0; while [ $n -lt 20 ]; do x=$x$x; n=$((n+1)); done
: > done' &)
while [ ! -e done ]; do :; done
"""


def _own() -> dict[str, str]:
    lines = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    return {kinds: path for _, kinds, path in (line.split(":", 2) for line in lines)}


@pytest.fixture
def handed_over() -> Iterator[list[Path]]:
    """A group in each hierarchy that counts, of an ordinary user, as Delegate=yes makes it."""
    kinds = ("cpuacct", "memory")
    if os.getuid() != 0 or not all((_CGROUPS / kind / "cgroup.procs").exists() for kind in kinds):
        pytest.skip("groups are made and given away: run it as root, with cgroup version 1")
    folders = [_CGROUPS / kind / f"delegated_{os.getpid()}" for kind in kinds]
    for folder in folders:
        folder.mkdir()
        for path in (folder, folder / "cgroup.procs", folder / "tasks"):
            os.chown(path, _USER, _USER)
    try:
        yield folders
    finally:
        for folder in folders:
            for below in folder.glob("*/"):
                below.rmdir()
            folder.rmdir()


def _measure(folder: Path) -> dict[str, object]:
    for name in ("image", "inputs", "outputs"):
        (folder / name).mkdir()
    (folder / "image" / "predict.sh").write_text(_PREDICT)
    limits = Limits(timeout_s=20, memory_mib=500)
    sandbox = LocalSandbox(scratch=folder / "scratch")
    job = Job(
        command=("/bin/sh", "predict.sh"),
        inputs=folder / "inputs",
        outputs=folder / "outputs",
        container_inputs="/in",
        container_outputs="/out",
        limits=limits,
    )
    ended = sandbox.run(sandbox.prepare(str(folder / "image"), limits=limits), job)
    return {
        "user": os.getuid(),
        "by": ended.measured_by,
        "cpu_s": ended.cpu_s,
        "peak": ended.peak_memory_mib,
        "log": ended.log.decode(),
    }


def test_a_user_s_harness_counts_exactly_in_a_group_that_is_its_own(
    handed_over: list[Path],
) -> None:
    home = Path(tempfile.mkdtemp(dir="/tmp"))
    os.chown(home, _USER, _USER)
    told = home / "told.json"
    Owner.current()
    # What is imported by now is at hand where the user may not read it.
    child = os.fork()
    if child == 0:
        try:
            for folder in handed_over:
                (folder / "cgroup.procs").write_text(str(os.getpid()))
            os.setgroups([])
            os.setgid(_USER)
            os.setuid(_USER)
            told.write_text(json.dumps(_measure(home)))
        except Exception:  # noqa: BLE001 - told below; nothing else of the tests may run here
            told.write_text(json.dumps(traceback.format_exc()))
        os._exit(0)
    os.waitpid(child, 0)
    try:
        said = json.loads(told.read_text("utf-8"))
    finally:
        shutil.rmtree(home)

    assert (said["user"], said["by"]) == (_USER, "cgroup"), said
    assert said["peak"] > 30
    assert [*handed_over[0].glob("segjudge_*")] == []


def test_in_version_2_the_harness_makes_room_for_its_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / _own().get("", "/").strip("/")
    folder.mkdir(parents=True, exist_ok=True)
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    (folder / "cgroup.procs").write_text("4711\n")
    (folder / "cgroup.subtree_control").touch()
    token = Owner.current().token
    harness = folder / f"segjudge_{token}_harness"

    monkeypatch.setattr(os, "listxattr", lambda _: [])
    given = delegated(token, root=tmp_path)
    assert given is None or not Path("/run/systemd/system").is_dir(), "systemd has not said so"
    monkeypatch.setattr(os, "listxattr", lambda _: ["user.delegate"])
    given = delegated(token, root=tmp_path)

    assert given is not None
    assert (harness / "cgroup.procs").read_text("utf-8") == "4711"
    assert (folder / "cgroup.subtree_control").read_text("utf-8") == "+memory"
    with given.group() as group:
        assert group is not None
        (door,) = group.doors
        assert door.parent.parent == folder
        assert door.parent.is_dir()
    assert not door.parent.exists()
