"""A container is as its maker knows it: home, name, caches, threads, shared memory, volumes.

Images are built the ways people build them, and tried in real containers.
"""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Ending, Execution, Image
from evaluate.sandbox.surroundings import (
    SCRATCH,
    Covered,
    Surroundings,
    account,
    environment,
    normalised,
    passwd,
    threads,
)
from segjudge.conformance import Bench
from tests.sandbox.archive_writer import HandmadeImage, shell_files, tar_of, write_archive

_BASE = os.environ.get("SEGJUDGE_TEST_BASE", "python:3.11-slim")
_LIMITS = Limits(timeout_s=10, memory_mib=64)

Build = Callable[..., Image]

_USERS = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nodd line\n"


@pytest.mark.parametrize(
    ("user", "variables", "home", "name"),
    [
        ("", [], "/root", "participant"),
        ("root:root", [], "/root", "participant"),
        ("ada", [], "/home/ada", "ada"),
        ("1000:1000", [], "/home/ada", "ada"),
        ("4711", [], "/", "participant"),
        ("ada", ["HOME=/opt/home/"], "/opt/home", "ada"),
        ("", ["HOME=/a:b"], "/", "participant"),
        ("", ["HOME=../x"], "/root", "participant"),
        ("", [f"HOME=/{'a' * 300}"], "/", "participant"),
    ],
)
def test_home_and_name_are_those_of_the_image_s_user(
    user: str, variables: list[str], home: str, name: str
) -> None:
    assert account(user, variables, _USERS) == (home, name)


def test_a_cache_is_moved_unless_the_image_keeps_something_in_it() -> None:
    around = Surroundings(
        home="/home/ada", user="ada", kept=(".cache/torch",), variables=("MPLCONFIGDIR",)
    )
    found = environment(around, None)

    assert found["TORCH_HOME"] == "/home/ada/.cache/torch"  # or the one above would hide it
    assert found["XDG_CACHE_HOME"].startswith(SCRATCH)
    assert "MPLCONFIGDIR" not in found
    assert (found["HOME"], found["USER"], found["LOGNAME"]) == ("/home/ada", "ada", "ada")
    assert "OMP_NUM_THREADS" not in found


@pytest.mark.parametrize(("cpus", "count"), [(1.0, "1"), (2.5, "3"), (0.2, "1"), (8, "8")])
def test_libraries_start_as_many_threads_as_the_share(cpus: float, count: str) -> None:
    assert set(threads(cpus).values()) == {count}
    assert "OMP_NUM_THREADS" not in environment(Surroundings(variables=("OMP_NUM_THREADS",)), cpus)


def test_the_container_s_user_comes_first_in_its_list_of_users() -> None:
    around = Surroundings(home="/root", accounts=_USERS)

    assert passwd(around, uid=10001, gid=10002).splitlines()[0] == (
        "participant:x:10001:10002:participant:/root:/bin/sh"
    )


@pytest.mark.parametrize(
    "path", ["/workspace/outputs/", "//workspace/outputs", "workspace/outputs"]
)
def test_a_path_has_one_spelling(path: str) -> None:
    assert normalised(path) == "/workspace/outputs"


@pytest.fixture
def build(docker_bench: Bench, engine: Any) -> Iterator[Build]:
    """Builds an image of Dockerfile lines on the Python base image, and prepares it."""
    images: list[Image] = []

    def make(lines: str) -> Image:
        dockerfile = io.BytesIO(f"FROM {_BASE}\n{lines}".encode())
        made, _ = engine.images.build(fileobj=dockerfile, rm=True, forcerm=True)
        images.append(docker_bench.sandbox.prepare(made.id, limits=_LIMITS))
        return images[-1]

    yield make
    for image in images:
        docker_bench.sandbox.release(image)
        engine.images.remove(image.digest, force=True)


def _python(bench: Bench, image: Image, code: str, **limits: Any) -> Execution:
    return bench.run("/bin/bash", "-c", f"exec python3 -c '{code}'", image=image, **limits)


_PACKAGE = (
    "RUN folder=$(python3 -c 'import site; print(site.getusersitepackages())') && "
    'mkdir -p "$folder" && echo "value = 7" > "$folder/mine.py"\n'
)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("user", "name", "home"),
    [
        ("RUN useradd -m user\nUSER user\nWORKDIR /home/user/app\n", b"user", b"/home/user"),
        ("", b"participant", b"/root"),
        ("ENV HOME=/opt/home\n", b"participant", b"/opt/home"),
    ],
    ids=["the challenge's baseline", "root", "a home of its own"],
)
def test_what_pip_installs_for_the_user_is_there_and_the_user_has_a_name(
    docker_bench: Bench, build: Build, user: str, name: bytes, home: bytes
) -> None:
    image = build(user + _PACKAGE)
    code = (
        "import mine, getpass, grp, os, pwd; me = pwd.getpwuid(os.getuid()); "
        'print(mine.value, getpass.getuser(), me.pw_name, os.path.expanduser("~"), me.pw_dir, '
        'grp.getgrgid(os.getgid()).gr_name, grp.getgrnam("daemon").gr_gid)'
    )
    ended = _python(docker_bench, image, code)

    assert ended.log.split() == [b"7", name, name, home, home, name, b"1"], ended.log


@pytest.mark.engine
def test_an_environment_that_bashrc_sets_up_and_weights_in_the_home_are_found(
    docker_bench: Bench, build: Build
) -> None:
    image = build(
        "RUN mkdir -p /opt/env/bin && ln -s $(which python3) /opt/env/bin/mypython && "
        "echo 'export PATH=/opt/env/bin:$PATH' >> /root/.bashrc && "
        "mkdir -p /root/.cache/torch/hub && echo weights > /root/.cache/torch/hub/w.pth && "
        "chmod 700 /root\n"
    )
    code = 'cat ~/.cache/torch/hub/w.pth; echo ${TORCH_HOME:-there}; mypython -c "print(6 * 7)"'
    ended = docker_bench.run("/bin/bash", "-ic", code, image=image)

    assert {b"weights", b"there", b"42"} <= set(ended.log.split()), ended.log


@pytest.mark.engine
def test_a_home_with_nothing_in_it_and_every_cache_can_be_written(
    docker_bench: Bench, build: Build
) -> None:
    image = build("RUN useradd -m ada && echo x > /opt/x\nUSER ada\n")
    code = (
        'import os, pathlib; home = pathlib.Path.home(); (home / "made").mkdir(); '
        'folders = [v for k, v in os.environ.items() if k.endswith(("_HOME", "_DIR", "DIR"))]; '
        "[pathlib.Path(f).mkdir(parents=True, exist_ok=True) for f in folders]; print(len(folders))"
    )
    ended = _python(docker_bench, image, code)

    assert ended.exit_code == 0, ended.log
    assert int(ended.log) >= 9
    again = _python(docker_bench, image, 'import os; print(os.listdir(os.path.expanduser("~")))')
    assert again.log == b"[]\n"


@pytest.mark.engine
def test_a_folder_for_temporary_files_that_the_image_names_can_be_written(
    docker_bench: Bench, build: Build
) -> None:
    image = build("RUN mkdir -m 777 /work\nENV TMPDIR=/work TEMP=/tmp/of/the/image\n")
    ended = docker_bench.run("/bin/bash", "-c", 'mktemp && touch "$TEMP/x"', image=image)

    assert ended.exit_code == 0, ended.log


@pytest.mark.engine
def test_shared_memory_is_as_large_as_memory_and_counts_as_memory(docker_bench: Bench) -> None:
    code = """
        from multiprocessing import shared_memory
        block = shared_memory.SharedMemory(create=True, size={mib} << 20)
        block.buf[:] = bytes({mib} << 20)
        print("filled")
        block.unlink()
    """
    small = docker_bench.python(code.format(mib=200), memory_mib=600)
    large = docker_bench.python(code.format(mib=400), memory_mib=300)

    assert (small.exit_code, small.log) == (0, b"filled\n")
    assert large.ending is Ending.OUT_OF_MEMORY or large.exit_code != 0


@pytest.mark.engine
def test_its_own_name_resolves_and_no_other_does(docker_bench: Bench) -> None:
    ended = docker_bench.python(
        """
        import socket
        print(socket.gethostbyname(socket.gethostname()))
        server = socket.create_server(("localhost", 0))
        socket.create_connection(server.getsockname()).close()
        """
    )

    assert (ended.exit_code, ended.log) == (0, b"127.0.0.1\n"), ended.log


@pytest.mark.engine
def test_its_share_rounded_up_is_all_that_a_program_sees_and_what_is_held_back_is_told(
    docker_bench: Bench,
) -> None:
    code = """
        print(len(os.sched_getaffinity(0)), os.environ["OMP_NUM_THREADS"], flush=True)
        while time.process_time() < 0.1:
            pass
    """
    part, whole = (docker_bench.python(code, cpus=cpus) for cpus in (0.2, 1.0))

    assert [part.log.split(), whole.log.split()] == [[b"1", b"1"]] * 2
    if part.measured_by != "cgroup":
        pytest.skip("this user may make no cgroup for the container")
    assert part.throttled_s is not None
    assert whole.throttled_s is not None
    assert whole.throttled_s < 0.05 < part.throttled_s


@pytest.fixture(scope="module")
def shell() -> bytes:
    """A layer with a shell, and something in each folder that may be a volume."""
    files = shell_files() | {"workspace/model": b"model\n", "data/x": b"data\n"}
    return tar_of(files, folders={"bin": 0o755, "workspace": 0o755, "data": 0o755})


@pytest.fixture
def prepared(docker_bench: Bench, tmp_path: Path) -> Iterator[Callable[..., Image]]:
    """Hands an image of these settings in, and releases it at the end."""
    images: list[Image] = []

    def prepare(*layers: bytes, **settings: Any) -> Image:
        handmade = HandmadeImage(list(layers), settings=settings)
        path = write_archive(tmp_path / "team.tar", handmade.members("docker"))
        images.append(docker_bench.sandbox.prepare(str(path), limits=_LIMITS))
        return images[-1]

    yield prepare
    for image in images:
        docker_bench.sandbox.release(image)


@pytest.mark.engine
@pytest.mark.parametrize(
    "settings",
    [
        {"Volumes": {"/workspace": {}}},
        {"Volumes": {"data": {}}},
        {"Volumes": {"/data": {}, "/data/": {}}},
        {"Volumes": {"/workspace/outputs/": {}, "//workspace/outputs": {}, "/etc": {}}},
        {"Volumes": {"/data": {}, "/data/deep": {}, "/data/deep/er": {}, "/root/new": {}}},
        {"WorkingDir": "workspace"},
        {"Env": [f"HOME=/{'a' * 900}", "PATH=/bin"]},
    ],
    ids=str,
)
def test_a_volume_or_folder_that_is_spelled_oddly_is_made_to_work(
    docker_bench: Bench,
    engine: Any,
    shell: bytes,
    prepared: Callable[..., Image],
    settings: dict[str, Any],
) -> None:
    image = prepared(shell, **settings)
    before = {volume.id for volume in engine.volumes.list()}
    script = (
        "read model < /workspace/model; read data < /data/x; echo $model $data; "
        "echo kept > /workspace/outputs/a; for at in /workspace /data; do echo > $at/b; done"
    )
    ended = docker_bench.run("/bin/sh", "-c", script, image=image)

    assert b"model data\n" in ended.log, ended
    assert (docker_bench.outputs / "a").read_text("utf-8") == "kept\n"
    assert ended.exit_code != 0, "nothing of the image can be written to"
    assert {volume.id for volume in engine.volumes.list()} <= before


@pytest.mark.engine
def test_what_only_root_may_read_is_opened_under_a_volume_too(
    docker_bench: Bench, build: Build, engine: Any
) -> None:
    """What is written into a volume of an image is in no layer of it."""
    before = {volume.id for volume in engine.volumes.list()}
    image = build(
        "RUN mkdir -p /root/weights /data/deep && echo weights > /root/weights/w && "
        "echo data > /data/deep/d && chmod -R go-rwx /root /data\nVOLUME /root /data/deep\n"
    )
    ended = docker_bench.run("/bin/bash", "-c", "cat ~/weights/w /data/deep/d", image=image)

    assert ended.log == b"weights\ndata\n", ended
    assert {volume.id for volume in engine.volumes.list()} <= before


@pytest.mark.engine
@pytest.mark.parametrize(
    "settings",
    [
        {"Volumes": {"/workspace/outputs/deep": {}}},
        {"Volumes": {"/workspace/inputs/deep": {}}},
        {"Env": ["=x"]},
        {"Volumes": {"/": {}}},
        {"Volumes": {"/data/x": {}}},
        {"Volumes": {"/proc": {}}},
        {"Env": ["A=\0", "PATH=/bin"]},
    ],
    ids=str,
)
def test_what_the_engine_refuses_of_an_image_is_the_image_s_failure_and_costs_no_other(
    docker_bench: Bench,
    shell: bytes,
    tmp_path: Path,
    settings: dict[str, Any],
) -> None:
    from evaluate.sandbox import ImageProblem

    handmade = HandmadeImage([shell], settings=settings)
    path = write_archive(tmp_path / "team.tar", handmade.members("docker"))
    try:
        image = docker_bench.sandbox.prepare(str(path), limits=_LIMITS)
    except ImageProblem as problem:
        said = [str(problem)]
    else:
        runs = [docker_bench.run("/bin/sh", "-c", "exit 0", image=image) for _ in range(2)]
        docker_bench.sandbox.release(image)
        assert [run.ending for run in runs] == [Ending.REFUSED] * 2
        said = [run.detail for run in runs]

    assert all(words and words.isprintable() for words in said)
    assert docker_bench.run("/bin/sh", "-c", "exit 0").exit_code == 0
    ours = docker_bench.sandbox._owner  # type: ignore[attr-defined]
    assert list(Path("/sys/fs/cgroup").glob(f"**/segjudge_{ours}*")) == []


@pytest.mark.engine
@pytest.mark.parametrize(
    "made", ["touch /workspace", "mkdir /workspace && ln -s /etc /workspace/inputs"]
)
def test_what_a_team_reads_of_the_engine_names_no_path_of_this_machine(
    docker_bench: Bench, build: Build, made: str
) -> None:
    ended = docker_bench.run("/bin/sh", "-c", "exit 0", image=build(f"RUN {made}\n"))

    assert ended.ending is Ending.REFUSED
    assert "mounting" in ended.detail
    assert "overlay2" not in ended.detail and "segjudge-" not in ended.detail, ended.detail


@pytest.mark.engine
@pytest.mark.parametrize("name", ["etc/passwd", "etc/group"])
@pytest.mark.parametrize("target", ["/proc/kmsg", "../dev/stdin", "elsewhere"])
def test_a_list_of_users_that_is_there_at_run_time_alone_is_refused(
    docker_bench: Bench, shell: bytes, prepared: Callable[..., Image], name: str, target: str
) -> None:
    """The engine would read the kernel's log, or wait for an input that never comes."""
    import tarfile

    from evaluate.sandbox import ImageProblem

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, link in ((name, target), ("etc/elsewhere", "/proc/1/fd/0")):
            info = tarfile.TarInfo(path)
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)

    with pytest.raises(ImageProblem, match=r"is a link to /(proc|dev)/"):
        prepared(shell, buffer.getvalue())


@pytest.mark.engine
@pytest.mark.parametrize("name", ["etc/passwd", "etc/group"])
def test_a_pipe_that_the_engine_would_wait_at_is_seen_before_it_does(
    docker_bench: Bench, shell: bytes, prepared: Callable[..., Image], name: str
) -> None:
    import tarfile

    from evaluate.sandbox import ImageProblem

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, kind in (("etc/pipe", tarfile.FIFOTYPE), (name, tarfile.SYMTYPE)):
            info = tarfile.TarInfo(path)
            info.type, info.linkname, info.mode = kind, "pipe", 0o644
            archive.addfile(info)

    with pytest.raises(ImageProblem, match="a pipe, a socket or a device"):
        prepared(shell, buffer.getvalue())


@pytest.mark.engine
def test_what_is_covered_at_run_time_is_known(
    docker_bench: Bench, shell: bytes, prepared: Callable[..., Image]
) -> None:
    image = prepared(shell, tar_of({"tmp/weights/w.pth": b"w" * 10}))

    assert image.around.covered == (
        Covered(folder=SCRATCH, files=1, size_bytes=10, example=f"{SCRATCH}/weights/w.pth"),
    )
