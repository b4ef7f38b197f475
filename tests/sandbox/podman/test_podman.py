"""Podman by name: the core of what every sandbox promises, and what is tried is what is said."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from evaluate.facts.errors import UsageError
from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Ending, open_sandbox
from evaluate.sandbox.engine import open_engine
from evaluate.sandbox.ownership import Owner
from evaluate.sandbox.podman import podman_service
from segjudge.conformance import Bench
from segjudge.conformance.limits import (  # noqa: F401
    test_a_command_that_ignores_every_signal_is_killed_at_the_limit,
    test_a_memory_bomb_in_a_child_is_out_of_memory_although_the_parent_lives,
    test_too_large_an_output_is_noticed_while_it_is_written,
)
from segjudge.conformance.suite import (  # noqa: F401
    test_a_command_that_kills_itself_has_not_run_out_of_memory,
    test_a_submission_of_a_folder_gets_the_case_and_leaves_its_file,
    test_nothing_persists_from_one_run_to_the_next,
)
from tests.cluster.hosts import until
from tests.sandbox.test_containment import (  # noqa: F401
    probe,
    test_it_can_gain_no_privilege_and_its_system_calls_are_filtered,
    test_it_is_an_ordinary_user_without_capabilities,
    test_no_mount_and_no_user_namespace_can_be_made,
    test_there_is_no_network_no_name_and_no_metadata_address,
)

pytestmark = [pytest.mark.engine, pytest.mark.podman]


def test_memory_that_runs_out_at_once_is_known_as_that(bench: Bench) -> None:
    """The container's own cgroup, which counts the kernel's kills, is soon gone with it."""
    ended = bench.run("/bin/sh", "-c", "head -c 300M /dev/zero | tail -c 290M", memory_mib=64)

    assert ended.ending is Ending.OUT_OF_MEMORY
    assert ended.memory_kill


def test_a_command_that_is_over_at_once_is_measured(bench: Bench) -> None:
    ended = bench.run("/bin/sh", "-c", ":")

    assert ended.cpu_s is not None and 0 < ended.cpu_s < 1
    assert ended.peak_memory_mib


def test_only_outputs_and_scratch_can_be_written(bench: Bench) -> None:
    places = "/ /run /var/tmp /tmp /root /workspace/outputs"
    script = f"for at in {places}; do (: > $at/x) 2>/dev/null && echo $at; done"
    ended = bench.run("/bin/sh", "-c", script)

    assert ended.log.split() == [b"/tmp", b"/workspace/outputs"]


def test_what_is_said_of_it_was_tried(bench: Bench) -> None:
    about = bench.sandbox.describe()

    assert about["name"] == "podman"
    assert about["isolated"] is bench.sandbox.isolated
    if os.geteuid() == 0:  # its cgroups are all there
        assert (about["not_enforced"], bench.sandbox.isolated) == ([], True)


# An ordinary user's harness on a machine where Podman has no cgroups to give it.
_ROOTLESS = """
import json, os, sys
from pathlib import Path
from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Job, open_sandbox
from evaluate.sandbox.trial import shell_image

scratch = Path(sys.argv[1])
sandbox = open_sandbox("podman", scratch=scratch, environment=os.environ)
limits = Limits(timeout_s=10.0, memory_mib=64)
image = sandbox.prepare(str(shell_image(scratch, sandbox.machine)), limits=limits)
def run(name, script):
    folders = [scratch / name / kind for kind in ("inputs", "outputs")]
    for folder in folders:
        folder.mkdir(parents=True)
    return folders[1], sandbox.run(image, Job(
        command=("/bin/sh", "-c", script), inputs=folders[0], outputs=folders[1], limits=limits,
        container_inputs="/workspace/inputs", container_outputs="/workspace/outputs"))
outputs, written = run("write", "echo > /workspace/outputs/mask")
_, grown = run("grow", "x=0123456789abcdef; while :; do x=$x$x; done")
print(json.dumps({
    "isolated": sandbox.isolated, "said": sandbox.describe()["not_enforced"],
    "kept": written.options["not_enforced"], "exit": written.exit_code, "grown": grown.ending,
    "owner": (outputs / "mask").stat().st_uid - os.getuid(), "peak": grown.peak_memory_mib,
}))
sandbox.release(image)
sandbox.close()
"""


@pytest.mark.rootless
def test_a_rootless_engine_s_outputs_are_written_and_what_it_can_not_limit_is_said(
    ordinary_user: tuple[list[str], dict[str, str]],
) -> None:
    started, environment = ordinary_user
    command = [*started, sys.executable, "-c", _ROOTLESS, f"{environment['TMPDIR']}/scratch"]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)

    assert (seen["exit"], seen["owner"], seen["kept"]) == (0, 0, seen["said"])
    assert seen["grown"] == "out_of_memory"
    assert seen["peak"] > 32
    subjects = {words.partition(":")[0] for words in seen["said"]}
    # Podman's service passes no limit of this kind on for an ordinary user.
    assert {"open files", "size of a file"} <= subjects
    assert seen["isolated"] is subjects.isdisjoint({"memory", "processes"})
    if not _delegated():
        assert subjects >= {"memory", "processes", "CPUs"}


def _delegated() -> bool:
    """Whether this is a machine that hands cgroups to its users."""
    return Path("/sys/fs/cgroup/user.slice/cgroup.controllers").is_file()


@pytest.mark.usefixtures("podman")
def test_podman_is_named_where_something_else_answers() -> None:
    environment = {"DOCKER_HOST": "unix:///var/run/docker.sock", **os.environ}
    with pytest.raises(UsageError, match="Docker; expected Podman"):
        open_sandbox("podman", scratch=Path(), environment=environment)


def test_a_runtime_that_its_service_was_not_started_with_is_refused(podman: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"--runtime crun: no such runtime.*expected runc"):
        open_sandbox("podman", scratch=Path(), environment=podman, runtime="crun")


@pytest.mark.soak
@pytest.mark.runsc
def test_a_container_under_gvisor_meets_its_kernel_and_not_the_host_s(
    podman_settings: dict[str, str], submission: Path, tmp_path: Path
) -> None:
    sandbox = open_sandbox("podman", scratch=tmp_path, environment=podman_settings, runtime="runsc")
    try:
        assert sandbox.isolated, sandbox.describe()
        image = sandbox.prepare(str(submission), limits=Limits(timeout_s=1, memory_mib=64))
        bench = Bench(sandbox, image, tmp_path)
        kernel = bench.run("/bin/sh", "-c", "cat /proc/version; cat /proc/kcore /dev/mem")
        bomb = bench.python("x = []\nwhile True: x.append(b'x' * (8 << 20))", memory_mib=128)
        sandbox.release(image)
    finally:
        sandbox.close()

    assert kernel.log.startswith(b"Linux version 4.4.0 ")  # what gVisor says it is
    assert b"kcore: No such file" in kernel.log
    assert b"mem: No such file" in kernel.log
    assert bomb.ending is Ending.OUT_OF_MEMORY


def test_its_own_service_ends_with_the_harness_even_if_that_is_killed(
    podman_settings: dict[str, str],
) -> None:
    script = (
        "import os\nfrom evaluate.sandbox.podman import podman_service\n"
        "with podman_service(os.environ, None) as where:\n"
        "    print(where['DOCKER_HOST'], flush=True)\n    os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=podman_settings, capture_output=True, encoding="utf-8"
    )
    address = done.stdout.strip()

    assert address.startswith("unix://")
    until(lambda: not any(address in words for words in _commands()), within_s=10)


def test_its_own_service_answers_however_deep_the_folder_of_temporary_files_is(
    podman_settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket's path has 107 bytes, and a worker of a cluster keeps all it makes in a folder.

    And what the service has started ends with it.
    """
    deep, child = tmp_path / ("deep" * 20), f"300.{os.getpid()}"
    deep.mkdir()

    def left() -> set[Path]:  # the other tests' service is this process's, too
        return set(Path(deep.anchor, "tmp").glob(f"segjudge-tmp-{Owner.current().token}-*"))

    before = left()
    program = tmp_path / "podman"
    program.write_text(f'#!/bin/sh\nsleep {child} &\nexec {shutil.which("podman")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    settings = podman_settings | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with podman_service(settings, None) as environment:
        open_engine(environment).close()
        assert ["sleep", child] in _commands()
    until(lambda: ["sleep", child] not in _commands(), within_s=10)
    assert not [*deep.iterdir(), *(left() - before)]


def _commands() -> Iterator[list[str]]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            yield process.cmdline()
