"""What a container may do is data, and closed by default: read here as data, with no engine."""

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluate.facts.rules import builtin_protocols, load_protocol
from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Image, Job
from evaluate.sandbox.enforcement import not_enforced
from evaluate.sandbox.policy import EngineFacts, container_options, container_user
from evaluate.sandbox.processors import Share
from evaluate.sandbox.surroundings import Surroundings
from tests.sandbox.engine_facts import ENGINE

_AROUND = Surroundings(
    home="/home/ada", user="ada", home_is_bare=True, working_directory="/app", accounts=""
)
_LIMITS = Limits(timeout_s=10, memory_mib=100, cpus=2.5, processes=50, open_files=60, scratch_mib=7)


def _options(
    *,
    limits: Limits = _LIMITS,
    engine: EngineFacts = ENGINE,
    volumes: tuple[str, ...] = (),
    call: dict[str, Any] | None = None,
    model: Path | None = None,
    **more: Any,
) -> dict[str, Any]:
    settings: dict[str, Any] = {"command": ("/bin/bash", "-c", "sh predict.sh"), **(call or {})}
    job = Job(
        inputs=Path("/host/in"),
        outputs=Path("/host/out"),
        container_inputs="/workspace/inputs",
        container_outputs="/workspace/outputs",
        limits=limits,
        **settings,
    )
    image = Image(
        reference="team.tar.gz",
        digest="sha256:1",
        kind="archive",
        handle="sha256:1",
        details={},
        around=dataclasses.replace(_AROUND, volumes=volumes),
        model=model,
    )
    return container_options(
        job, image, engine, name="name", owner="owner", cgroup_parent="/parent", **more
    )


def test_an_image_s_own_entry_point_is_left_to_the_image() -> None:
    own = _options(call={"own_entry": True, "command": ()})
    assert "Entrypoint" not in own and "Cmd" not in own
    words = ("infer", "--data={inputs}", "--out={outputs}", "$HOME; id")
    called = _options(call={"own_entry": True, "command": words})
    assert "Entrypoint" not in called
    told = ["infer", "--data=/workspace/inputs", "--out=/workspace/outputs", "$HOME; id"]
    assert called["Cmd"] == told, "each word as it is, through no shell"
    assert own["HostConfig"] == called["HostConfig"] == _options()["HostConfig"]
    assert own["User"] == _options()["User"]


def test_inputs_and_a_model_are_read_only_unless_the_inputs_are_said_to_be_writable() -> None:
    model = {"container_model": "/opt/ml/model"}
    for writable in (False, True):
        call = {"inputs_writable": writable, **model}
        mounts = _options(call=call, model=Path("/host/model"))["HostConfig"]["Mounts"]
        closed = {mount["Target"]: mount["ReadOnly"] for mount in mounts}
        assert closed["/opt/ml/model"] is True
        assert closed["/workspace/inputs"] is not writable
        assert closed["/workspace/outputs"] is False
    assert "/opt/ml/model" not in str(_options(call=model)), "nothing covers the image's own"


def test_the_host_configuration_is_exactly_this() -> None:
    mib = 2**20
    bind = {"Type": "bind", "BindOptions": {"Propagation": "rprivate"}}
    assert _options()["HostConfig"] == {
        "NetworkMode": "none",
        "Dns": ["127.0.0.1"],
        "DnsSearch": ["."],
        "ExtraHosts": ["segjudge:127.0.0.1"],
        "Memory": 100 * mib,
        "MemorySwap": 100 * mib,
        "NanoCpus": 2_500_000_000,
        "PidsLimit": 50,
        "Ulimits": [
            {"Name": "nofile", "Soft": 60, "Hard": 60},
            {"Name": "core", "Soft": 1, "Hard": 1},
            {"Name": "fsize", "Soft": 1025 * mib, "Hard": 1025 * mib},
        ],
        "ReadonlyRootfs": True,
        "Tmpfs": {
            "/tmp": "rw,nosuid,nodev,exec,size=7m,mode=1777",  # noqa: S108
            "/home/ada": "rw,nosuid,nodev,exec,size=7m,mode=0700,uid=1000,gid=1000",
        },
        "ShmSize": 100 * mib,
        "Mounts": [
            bind | {"Source": "/host/in", "Target": "/workspace/inputs", "ReadOnly": True},
            bind | {"Source": "/host/out", "Target": "/workspace/outputs", "ReadOnly": False},
        ],
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Privileged": False,
        "Devices": [],
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "CgroupParent": "/parent",
        "Init": True,
        "LogConfig": {"Type": "none"},
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,
        "OomKillDisable": False,
    }


def test_the_command_is_an_argument_vector_that_no_entry_point_swallows() -> None:
    options = _options()

    assert options["Entrypoint"] + options["Cmd"] == ["/bin/bash", "-c", "sh predict.sh"]
    assert len(options["Entrypoint"]) == 1


def test_what_the_image_sets_for_its_own_good_is_overridden() -> None:
    options = _options()

    assert options["Healthcheck"] == {"Test": ["NONE"]}
    assert options["StopSignal"] == "SIGKILL"
    assert options["User"] == "1000:1000"
    assert "HOME=/home/ada" in options["Env"]
    assert options["WorkingDir"] == "/app"
    assert (options["OpenStdin"], options["AttachStdin"], options["Tty"]) == (False, False, False)


@pytest.mark.parametrize("protocol", builtin_protocols())
def test_every_built_in_protocol_is_closed(protocol: str) -> None:
    options = _options(limits=load_protocol(protocol).limits)["HostConfig"]

    assert options["NetworkMode"] == "none"
    assert options["Memory"] == options["MemorySwap"] > 0
    assert options["PidsLimit"] > 0
    assert [mount["ReadOnly"] for mount in options["Mounts"]] == [True, False]


@pytest.mark.parametrize(
    ("uid", "rootless", "user"),
    [(1000, False, (1000, 1000)), (0, False, (10001, 10001)), (0, True, (0, 0)),
     (1000, True, (0, 0))],
)  # fmt: skip
def test_the_user_is_never_the_root_of_the_host(
    uid: int, rootless: bool, user: tuple[int, int]
) -> None:
    # In a rootless engine the root of a container is the user who runs the engine.
    engine = dataclasses.replace(ENGINE, uid=uid, gid=uid, rootless=rootless)

    assert container_user(engine) == user


def test_volumes_of_the_image_are_read_only_except_where_the_policy_has_its_own_mount() -> None:
    taken = ("/workspace/inputs", "/workspace/outputs/", "//workspace/outputs", "/tmp")  # noqa: S108
    volumes = ("/data", "/data/", "data", "/workspace", *taken)
    mounts = _options(volumes=volumes)["HostConfig"]["Mounts"][2:]

    assert mounts == [
        {
            "Type": "volume",
            "Source": f"name_{number}",
            "Target": target,
            "ReadOnly": True,
            "VolumeOptions": {"Labels": {"org.segjudge.owner": "owner"}},
        }
        for number, target in enumerate(("/data", "/workspace"))
    ]


def test_shared_memory_is_as_large_as_memory_unless_the_protocol_says_less() -> None:
    limits = msgspec.structs.replace(_LIMITS, shm_mib=5)

    assert _options(limits=limits)["HostConfig"]["ShmSize"] == 5 * 2**20


def test_a_name_and_processors_are_given_where_there_are_some() -> None:
    share, limits = Share(cpus=(2, 5), nodes=(1,)), msgspec.structs.replace(_LIMITS, cpus=9)
    options = _options(accounts={"/etc/passwd": "/host/passwd"}, share=share, limits=limits)
    host = options["HostConfig"]

    assert (host["CpusetCpus"], host["CpusetMems"]) == ("2,5", "1")
    assert "OMP_NUM_THREADS=2" in options["Env"]
    assert "OMP_NUM_THREADS=8" in _options(limits=limits)["Env"], "no more than the machine has"
    assert ["/host/passwd", "/etc/passwd", True] in [
        [mount["Source"], mount["Target"], mount["ReadOnly"]] for mount in host["Mounts"]
    ]


def test_podman_which_gives_no_user_a_piece_of_memory_has_the_home_in_scratch() -> None:
    options = _options(engine=dataclasses.replace(ENGINE, podman=True, most_processes=7))

    pieces = options["HostConfig"]["Tmpfs"]
    assert [path for path, how in pieces.items() if "rw" in how.split(",")] == ["/tmp"]  # noqa: S108
    assert "HOME=/tmp" in options["Env"]
    assert {"Name": "nproc", "Soft": 7, "Hard": 7} in options["HostConfig"]["Ulimits"]


def test_no_limit_of_cpus_is_asked_of_an_engine_that_has_none_to_give() -> None:
    """Crun makes no container where systemd has not handed CPUs to the user."""
    options = _options(engine=dataclasses.replace(ENGINE, cpu_limit=False))

    assert "NanoCpus" in _options()["HostConfig"]
    assert "NanoCpus" not in options["HostConfig"]


def test_without_a_limit_of_cpus_none_is_set_as_in_the_reference() -> None:
    limits = Limits(timeout_s=10, memory_mib=100)

    assert "NanoCpus" not in _options(limits=limits)["HostConfig"]


@pytest.mark.parametrize(
    ("field", "word"),
    [("memory_limit", "memory"), ("swap_limit", "swap"), ("pids_limit", "processes"),
     ("cpu_limit", "CPUs"), ("sockets_limit", "sockets"), ("seccomp", "seccomp"), ("init", "init")],
)  # fmt: skip
def test_what_an_engine_lacks_is_said_in_words(field: str, word: str) -> None:
    assert not_enforced(_LIMITS, ENGINE) == []

    (words,) = not_enforced(_LIMITS, dataclasses.replace(ENGINE, **{field: False}))
    assert word in words


def test_a_machine_that_is_too_small_for_the_protocol_is_said_in_words() -> None:
    words = not_enforced(_LIMITS, dataclasses.replace(ENGINE, cpus=2, memory_mib=64))

    assert words == [
        "CPUs: 2.5 asked for, the machine has 2",
        "memory: 100 MiB asked for, the machine has 64",
    ]


def test_a_container_gets_gpus_only_if_the_protocol_gives_them() -> None:
    assert "DeviceRequests" not in _options()["HostConfig"]

    given = dataclasses.replace(ENGINE, gpus=True)
    limits = msgspec.structs.replace(_LIMITS, gpus=2)

    assert _options(limits=limits, engine=given)["HostConfig"]["DeviceRequests"] == [
        {"Driver": "nvidia", "Count": 2, "Capabilities": [["gpu"]]}
    ]
    own = _options(limits=limits, engine=given, gpus=("GPU-a", "GPU-b"))["HostConfig"]
    assert own["DeviceRequests"] == [
        {"Driver": "nvidia", "DeviceIDs": ["GPU-a", "GPU-b"], "Capabilities": [["gpu"]]}
    ]
    assert not any("GPU" in words for words in not_enforced(limits, given))
    assert any("GPUs: 2 asked for" in words for words in not_enforced(limits, ENGINE))
