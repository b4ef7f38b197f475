"""Attacks from inside a real container, each checked from outside as well."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from evaluate.sandbox import Ending, Image, Sandbox
from segjudge.conformance import Bench

pytestmark = pytest.mark.engine

# One container tries everything that costs nothing, and reports; the tests below read the report.
_PROBE = """
import json, socket

def attempt(action):
    try:
        return repr(action())
    except Exception as error:
        return type(error).__name__

def connect(host, port):
    with socket.create_connection((host, port), timeout=2):
        return "connected"

def write(path):
    with open(path, "w"):
        return "written"

status = dict(line.split(":", 1) for line in open("/proc/self/status"))
report = {
    "uid": os.getuid(),
    "gid": os.getgid(),
    "groups": os.getgroups(),
    "status": {key: status.get(key, "unknown").strip() for key in
               ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")},
    "interfaces": sorted(os.listdir("/sys/class/net")),
    "metadata address": attempt(lambda: connect("169.254.169.254", 80)),
    "gateway": attempt(lambda: connect("172.17.0.1", 80)),
    "name lookup": attempt(lambda: socket.getaddrinfo("example.org", 80)),
    "raw socket": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    "writes": {path: attempt(lambda: write(path + "/probe")) for path in
               ("/", "/etc", "/usr", "/root", "/var/tmp", "/workspace", inputs, outputs, "/tmp")},
    "change the case": attempt(lambda: open(inputs + "/case.npz", "a")),
    "remove the case": attempt(lambda: os.remove(inputs + "/case.npz")),
    "shadow": attempt(lambda: open("/etc/shadow").read()),
    "mount": subprocess.run(["mount", "-o", "remount,rw", "/"], capture_output=True).returncode,
    "become root": attempt(lambda: os.setuid(0)),
    "chroot": attempt(lambda: os.chroot("/tmp")),
    "make a device": attempt(lambda: os.mknod("/tmp/disk", 0o600 | 0o060000, os.makedev(254, 0))),
    "user namespace": subprocess.run(["unshare", "-U", "true"], capture_output=True).returncode,
    "kernel setting": attempt(lambda: open("/proc/sys/kernel/core_pattern", "w")),
    "devices": sorted(os.listdir("/dev")),
    "hostname": socket.gethostname(),
    "environment": sorted(os.environ),
    "home": os.path.expanduser("~"),
    "in inputs": os.listdir(inputs),
    "around": sorted(os.listdir("/workspace")),
    "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
    "host cgroup": open("/proc/self/cgroup").read(),
    "engine socket": os.path.exists("/var/run/docker.sock"),
    "nofile": __import__("resource").getrlimit(__import__("resource").RLIMIT_NOFILE),
}
print(json.dumps(report))
"""


@pytest.fixture(scope="module")
def probe(
    docker_sandbox: tuple[Sandbox, Image], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    bench = Bench(*docker_sandbox, tmp_path_factory.mktemp("probe"))
    ended = bench.python(_PROBE, open_files=321)
    assert ended.exit_code == 0, ended.log.decode()
    report: dict[str, Any] = json.loads(ended.log)
    return report


def test_it_is_an_ordinary_user_without_capabilities(probe: dict[str, Any]) -> None:
    status = probe["status"]

    assert probe["uid"] != 0
    assert probe["gid"] != 0
    assert 0 not in probe["groups"]
    told = {status[key] for key in status if key.startswith("Cap")} - {"unknown"}
    assert {int(capabilities, 16) for capabilities in told} == {0}


def test_it_can_gain_no_privilege_and_its_system_calls_are_filtered(probe: dict[str, Any]) -> None:
    status = probe["status"]

    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


@pytest.mark.parametrize(
    "attack",
    ["become root", "chroot", "make a device", "raw socket", "shadow", "kernel setting"],
)
def test_what_only_root_may_do_is_refused(probe: dict[str, Any], attack: str) -> None:
    assert probe[attack] in {"PermissionError", "OSError"}


def test_no_mount_and_no_user_namespace_can_be_made(probe: dict[str, Any]) -> None:
    assert probe["mount"] != 0
    assert probe["user namespace"] != 0


def test_there_is_no_network_no_name_and_no_metadata_address(probe: dict[str, Any]) -> None:
    assert probe["interfaces"] == ["lo"]
    assert probe["metadata address"] == "OSError"
    assert probe["gateway"] == "OSError"
    assert probe["name lookup"] == "gaierror"


def test_only_its_outputs_and_its_scratch_can_be_written(probe: dict[str, Any]) -> None:
    written = {path for path, result in probe["writes"].items() if result == "'written'"}

    # The home holds nothing of the image's, and is a piece of scratch; the root has none of either.
    assert written == {"/workspace/outputs", "/tmp", "/root"}  # noqa: S108
    assert probe["home"] == "/root"


def test_the_case_can_be_neither_changed_nor_removed(probe: dict[str, Any]) -> None:
    assert probe["change the case"] == "OSError"  # read-only file system
    assert probe["remove the case"] == "OSError"


def test_it_sees_its_case_and_nothing_of_the_host(probe: dict[str, Any]) -> None:
    assert probe["in inputs"] == ["case.npz"]
    assert {"inputs", "outputs", "predict.sh", "Dockerfile"} == set(probe["around"])
    assert probe["hostname"] == "segjudge"
    assert probe["processes"][0] == 1
    assert len(probe["processes"]) <= 2  # the init process and the command
    assert "segjudge" not in probe["host cgroup"]
    assert not probe["engine socket"]


def test_its_devices_are_those_that_every_container_has(probe: dict[str, Any]) -> None:
    harmless = {"core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr",
                "stdin", "stdout", "tty", "urandom", "zero"}  # fmt: skip

    assert set(probe["devices"]) <= harmless


def test_the_limit_of_open_files_is_hard(probe: dict[str, Any]) -> None:
    assert probe["nofile"] == [321, 321]


def test_a_fork_bomb_meets_the_process_limit_and_leaves_nothing(docker_bench: Bench) -> None:
    ended = docker_bench.python(
        """
        made = 0
        try:
            while True:
                if os.fork() == 0:
                    time.sleep(60)
                made += 1
        except BlockingIOError:
            print(made)
        """,
        processes=64,
    )

    assert (ended.ending, ended.exit_code) == (Ending.EXITED, 0)
    assert 50 < int(ended.log) <= 64


def test_a_real_fork_bomb_ends_at_the_time_limit(docker_bench: Bench) -> None:
    ended = docker_bench.run(
        "/bin/bash", "-c", ":(){ :|:& };:; sleep 60", processes=64, timeout_s=2
    )

    assert ended.ending in {Ending.TIMEOUT, Ending.EXITED}
    assert ended.wall_s < 5


def test_scratch_is_a_sized_piece_of_memory_and_not_the_host_s_disk(docker_bench: Bench) -> None:
    ended = docker_bench.python(
        """
        try:
            with open("/tmp/fill", "wb") as file:
                while True:
                    file.write(bytes(1 << 20))
        except OSError as error:
            print(error.errno, os.path.getsize("/tmp/fill") >> 20)
        """,
        scratch_mib=16,
    )

    assert ended.log.split() == [b"28", b"16"]  # no space left on device


def test_a_worker_that_is_killed_for_memory_is_no_failure_if_the_command_goes_on(
    docker_bench: Bench,
) -> None:
    ended = docker_bench.python(
        """
        child = subprocess.run([sys.executable, "-c", "x = bytearray(400 << 20)"])
        print(child.returncode)
        """,
        memory_mib=128,
    )

    assert (ended.ending, ended.exit_code, ended.log) == (Ending.EXITED, 0, b"-9\n")


def test_memory_that_hides_in_scratch_and_in_shared_memory_is_counted(docker_bench: Bench) -> None:
    ended = docker_bench.python(
        """
        for path in ("/tmp/fill", "/dev/shm/fill"):
            with open(path, "wb") as file:
                file.write(bytes(40 << 20))
        """,
        memory_mib=64,
    )

    assert ended.ending is Ending.OUT_OF_MEMORY


def test_outputs_are_closed_to_every_other_user_of_the_host(docker_bench: Bench) -> None:
    before = docker_bench.job(("/bin/sh", "-c", "id -u > /workspace/outputs/user"))
    mode = before.outputs.stat().st_mode

    ended = docker_bench.sandbox.run(docker_bench.image, before)

    assert ended.exit_code == 0
    assert before.outputs.stat().st_mode == mode
    assert before.outputs.stat().st_uid == int((before.outputs / "user").read_text("utf-8"))


def test_devices_sockets_and_set_user_bits_do_nothing_to_the_host(docker_bench: Bench) -> None:
    ended = docker_bench.python(
        """
        import shutil, socket
        os.mkfifo(outputs + "/pipe")
        socket.socket(socket.AF_UNIX).bind(outputs + "/socket")
        shutil.copy("/bin/sh", outputs + "/shell")
        os.chmod(outputs + "/shell", 0o4755)
        try:
            os.link(inputs + "/case.npz", outputs + "/case.npz")
        except OSError as error:
            print(error.strerror)
        """
    )

    assert ended.log == b"Invalid cross-device link\n"
    # The bit is worth only its owner's rights, and its owner is nobody on this host.
    assert (docker_bench.outputs / "shell").stat().st_uid != 0


def test_no_container_stays_after_any_end(docker_bench: Bench, engine: Any) -> None:
    for command in ("exit 0", "exit 1", "kill -9 $$", "sleep 60"):
        docker_bench.run("/bin/sh", "-c", command, timeout_s=1)

    ours = docker_bench.sandbox._owner  # type: ignore[attr-defined]
    found = engine.containers.list(all=True, filters={"label": f"org.segjudge.owner={ours}"})
    assert found == []
    assert list(Path("/sys/fs/cgroup").glob(f"**/segjudge_{ours}*")) == []


def test_wall_time_includes_what_the_engine_needs_and_little_more(docker_bench: Bench) -> None:
    before = time.monotonic()
    ended = docker_bench.run("/bin/true")
    around = time.monotonic() - before

    assert 0 < ended.wall_s < around
