"""Whose fault an ending is: the team's, its image's, or our own side's."""

import gzip
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import docker
import pytest

from evaluate.facts.outcome import Outcome
from evaluate.facts.run_rules import Limits
from evaluate.running.verdict import Output, judge
from evaluate.sandbox import Ending, ImageProblem, SandboxError, containers
from evaluate.sandbox.archives import read_archive, refuse_excess
from evaluate.sandbox.containers import CreationRefused, OwnedContainer, StartRefused
from evaluate.sandbox.control import is_exhausted
from evaluate.sandbox.log import BoundedLog
from evaluate.sandbox.port import one_line
from evaluate.sandbox.room import Room
from segjudge.conformance import Bench
from tests.sandbox.archive_writer import HandmadeImage, tar_of, write_archive

_LAYER = tar_of({"predict.sh": b"exit 0\n"})


def _reason(ended: Any, limits: Limits) -> tuple[Outcome, str]:
    return judge(ended, Output(present=False), limits, "case.npz")


@pytest.mark.engine
def test_a_worker_that_the_kernel_ends_for_memory_is_named_though_the_pool_waits_for_it(
    docker_bench: Bench,
) -> None:
    limits = {"memory_mib": 96, "timeout_s": 3.0}
    ended = docker_bench.python(
        """
        if os.fork() == 0:
            block = bytearray(300 << 20)
        time.sleep(60)
        """,
        **limits,
    )
    outcome, reason = _reason(ended, Limits(**limits))  # type: ignore[arg-type]

    assert outcome is Outcome.TIMEOUT
    assert "the kernel ended a process for memory" in reason


@pytest.mark.parametrize(
    ("said", "whose"),
    [
        (
            "failed to create shim task: OCI runtime create failed: runc create failed: unable to"
            ' start container process: exec: "x": executable file not found in $PATH: unknown',
            StartRefused,
        ),
        (
            "crun: executable file `predict` not found in $PATH: No such file or directory: OCI"
            " runtime attempted to invoke a command that was not found",
            StartRefused,
        ),
        # Docker without AppArmor's own program, on a kernel that has AppArmor.
        (
            "AppArmor enabled on system but the docker-default profile could not be loaded: running"
            " `apparmor_parser apparmor_parser --version` failed with output: error: exec:"
            ' "apparmor_parser": executable file not found in $PATH',
            CreationRefused,
        ),
    ],
)
def test_a_program_that_the_engine_itself_lacks_is_not_the_team_s(
    monkeypatch: pytest.MonkeyPatch, said: str, whose: type[Exception]
) -> None:
    def refuse(*_: object) -> None:
        raise docker.errors.APIError("500", explanation=said)

    monkeypatch.setattr(containers, "start_container", refuse)
    container = OwnedContainer(
        docker.APIClient(version="1.41"), name="", options={}, log=BoundedLog(limit_bytes=9)
    )
    with pytest.raises(whose):
        container.start()


@pytest.mark.engine
@pytest.mark.parametrize("how", ["kill", "remove"])
def test_a_container_that_somebody_else_ends_is_our_side_s_failure(
    docker_bench: Bench, engine: Any, how: str
) -> None:
    def end_it() -> None:
        for _ in range(100):
            for container in engine.containers.list(ignore_removed=True):
                ours = container.labels.get("org.segjudge.owner", "")
                words = container.attrs["Config"]["Cmd"] or []
                if ours and any("segjudge-blame" in word for word in words):
                    container.kill() if how == "kill" else container.remove(force=True)
                    return
            time.sleep(0.1)

    thread = threading.Thread(target=end_it)
    thread.start()
    with pytest.raises(SandboxError):
        docker_bench.run("/bin/sh", "-c", "sleep 15 # segjudge-blame", timeout_s=20.0)
    thread.join()


@pytest.mark.engine
def test_an_engine_that_hangs_at_a_start_is_our_side_s_failure_within_a_bounded_time(
    docker_bench: Bench, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time limit is set so low that a real engine does not hold it, whatever the image."""
    monkeypatch.setattr("evaluate.sandbox.containers._START_S", 1e-3)
    began = time.monotonic()
    with pytest.raises(SandboxError, match="does not come to an end"):
        docker_bench.run("/bin/sh", "-c", "exit 0")
    assert time.monotonic() - began < 60
    ours = engine.containers.list(all=True, filters={"name": f"segjudge_.*_{os.getpid()}_"})
    assert ours == []


@pytest.mark.engine
def test_what_a_program_does_to_itself_is_its_own_failure(docker_bench: Bench) -> None:
    ended = docker_bench.python("os.kill(os.getpid(), signal.SIGKILL)")

    assert (ended.ending, ended.exit_code) == (Ending.EXITED, 137)


@pytest.mark.engine
def test_what_waits_in_sockets_and_pipes_does_not_go_past_the_limit(docker_bench: Bench) -> None:
    ended = docker_bench.python(
        """
        import socket
        kept, sent = [], 0
        def fill(write):
            global sent
            try:
                while sent < 600 << 20:
                    sent += write(bytes(65536))
            except OSError:
                pass
        def pair(kind):
            server = socket.socket(socket.AF_INET, kind)
            server.bind(("127.0.0.1", 0))
            if kind == socket.SOCK_STREAM:
                server.listen()
            client = socket.socket(socket.AF_INET, kind)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
            client.connect(server.getsockname())
            client.setblocking(False)
            kept.append((server, client))
            if kind == socket.SOCK_STREAM:
                kept.append(server.accept())
            return client
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                for _ in range(900):
                    fill(pair(kind).send)
            except OSError:
                pass
        counted = "/sys/fs/cgroup/memory/memory.kmem.tcp.usage_in_bytes"
        print(int(open(counted).read()) >> 20 if os.path.exists(counted) else -1)
        """,
        memory_mib=96,
        timeout_s=30.0,
    )
    held = int(ended.log or b"0")

    assert ended.ending is Ending.OUT_OF_MEMORY or -1 <= held < 200, ended.log


def test_a_full_disk_is_our_side_s_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    room = Room(tmp_path)
    room.demand()
    full = os.statvfs_result((4096, 4096, 10**6, 9, 9, 10**6, 10**5, 10**5, 0, 255))
    monkeypatch.setattr("os.statvfs", lambda folder: full)
    room.look()
    monkeypatch.undo()

    with pytest.raises(SandboxError, match="free"):
        room.demand()


def test_a_disk_that_is_given_away_between_two_looks_is_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    free = iter([9000, 9000, 8900, 9100, 8800, 8000, 7990])
    monkeypatch.setattr("evaluate.sandbox.room._free_mib", lambda folder: float(next(free)))
    room = Room(tmp_path)  # looks three times

    assert [room.shrinks() for _ in range(4)] == [False, True, True, False]


@pytest.mark.engine
def test_a_team_that_fills_the_disk_itself_has_left_too_much(
    docker_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fallocate` takes gigabytes in no time; that the disk is full then is no fault of ours."""
    asked = []

    def full_by_now(room: Room) -> None:
        asked.append(room)
        if len(asked) > 1:  # it was not at the start
            raise SandboxError(where="the disk", found="full")

    monkeypatch.setattr(Room, "demand", full_by_now)
    ended = docker_bench.python(
        """
        with open(outputs + "/large", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 200 << 20)
        time.sleep(20)
        """,
        output_mib=4,
    )
    assert (ended.ending, ended.exit_code) == (Ending.OUTPUT_TOO_LARGE, None)
    assert ended.wall_s < 15


@pytest.mark.engine
@pytest.mark.parametrize(
    "lines",
    [
        "ctypes.memset(c.shmat(c.shmget(0, 300 << 20, 0o1600), None, 0), 1, 300 << 20)",
        "os.write(os.memfd_create('x'), bytes(90 << 20)) and os.write(os.memfd_create('y'), b)",
        "kept = [mmap.mmap(-1, 1 << 30, 0x4022) for _ in range(99)];"
        " [m[at] for m in kept for at in range(0, 1 << 30, 2 << 20)]",
    ],
    ids=["System V", "files without a name", "page tables"],
)
def test_memory_of_other_kinds_counts_too(docker_bench: Bench, lines: str) -> None:
    code = "import ctypes, mmap\nc = ctypes.CDLL(None)\nc.shmat.restype = ctypes.c_void_p\n"
    code += f"b = bytes(60 << 20)\n{lines}\n"
    ended = docker_bench.run("python3", "-c", f"import os\n{code}", memory_mib=96)

    assert ended.ending is Ending.OUT_OF_MEMORY, ended.log


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("write /var/lib/docker/x: no space left on device", True),
        ("fork/exec: Cannot allocate memory", True),
        ("invalid volume specification: '/'", False),
        ("mkdir /x: read-only file system", False),
    ],
)
def test_what_the_engine_s_machine_lacks_is_no_image_s_fault(text: str, ours: bool) -> None:
    assert is_exhausted(text) is ours


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nteam b: ok\r\nc\x1b[2J", "a | team b: ok | c\\x1b[2J"),
        ("w" * 200_000, "w" * 1000 + " … " + "w" * 1000),
        ("\u202eabc", "\\u202eabc"),
    ],
)
def test_a_stranger_s_text_is_one_bounded_line_that_can_be_printed(text: str, line: str) -> None:
    assert str(ImageProblem(text)) == one_line(text)
    assert one_line(text)[:20] == line[:20]
    assert len(one_line(text)) < 2100
    assert one_line(text).isprintable()


def _settings(**settings: Any) -> HandmadeImage:
    return HandmadeImage([_LAYER], settings=settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"Env": [f"V{number}=x" for number in range(20_000)]},
        {"Labels": {str(number): "x" for number in range(5000)}},
        {"Cmd": ["w" * 2_000_000]},
    ],
    ids=["variables", "labels", "a word"],
)
def test_a_configuration_without_end_is_refused_before_the_engine_has_it(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    path = write_archive(tmp_path / "team.tar.gz", _settings(**settings).members("docker"))

    with pytest.raises(ImageProblem, match="configuration"):
        read_archive(path)
    with pytest.raises(ImageProblem, match="configuration"):
        refuse_excess(settings)


def test_a_layer_that_unpacks_without_end_is_refused_before_the_engine_has_it(
    tmp_path: Path,
) -> None:
    bomb = gzip.compress(bytes(2**30 + 2**20), 1, mtime=0)
    members = _settings().members("oci")
    name = next(name for name, data in members.items() if data[:2] == b"\x1f\x8b")
    members[name] = bomb
    path = write_archive(tmp_path / "team.tar", members)

    started = time.monotonic()
    with pytest.raises(ImageProblem, match="times its size"):
        read_archive(path)
    assert time.monotonic() - started < 60


def test_zeros_beside_the_layers_are_refused_before_they_are_read(tmp_path: Path) -> None:
    import tarfile

    path = tmp_path / "team.tar.gz"
    info = tarfile.TarInfo("zeros")
    info.size = 8 * 2**30
    with gzip.open(path, "wb") as stream:
        stream.write(info.tobuf())

    with pytest.raises(ImageProblem, match="times its size"):
        read_archive(path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: b"\xff\xfe" + data.decode("latin-1").encode("utf-16-le"), "PowerShell"),
        (lambda data: gzip.compress(gzip.compress(data)), "compressed twice"),
        (lambda data: gzip.compress(data)[:-40], "docker save -o"),
        (lambda data: b"\n<!DOCTYPE html><title>Sign in</title>" + data[:99], "is a web page"),
        (lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS"),
        (lambda data: b"PK\3\4" + data, "is a zip archive"),
    ],
    ids=["PowerShell", "twice", "cut short", "a login", "a pointer", "zip"],
)
def test_how_an_archive_was_spoiled_is_named_with_a_cure_that_works(
    tmp_path: Path, spoil: Any, said: str
) -> None:
    data = write_archive(tmp_path / "good.tar", _settings().members("docker")).read_bytes()
    path = tmp_path / "team.tar"
    path.write_bytes(spoil(data))

    with pytest.raises(ImageProblem, match=said) as problem:
        read_archive(path)
    assert "docker save -o" in str(problem.value)


@pytest.mark.engine
def test_an_image_of_another_architecture_is_refused_by_whatever_way_it_comes(
    docker_bench: Bench, engine: Any, tmp_path: Path
) -> None:
    handmade = HandmadeImage([_LAYER], tags=["segjudge-test-other:latest"], machine="riscv64")
    path = write_archive(tmp_path / "team.tar", handmade.members("docker"))
    engine.images.load(path.read_bytes())
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "predict.sh").touch()
    (tmp_path / "folder" / "Dockerfile").write_text("FROM segjudge-test-other:latest\nCOPY . .\n")
    try:
        for reference in (str(path), "segjudge-test-other:latest", str(tmp_path / "folder")):
            with pytest.raises(ImageProblem, match="linux/riscv64, this engine runs"):
                docker_bench.sandbox.prepare(reference, limits=Limits(timeout_s=1, memory_mib=64))
    finally:
        for tag in json.loads(
            json.dumps([t for i in engine.images.list() for t in i.tags if "test-other" in t])
        ):
            engine.images.remove(tag, force=True)
