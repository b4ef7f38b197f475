"""What a container may do: one pure function from a job to the engine's options, closed by default.

The options are the body of the engine's `POST /containers/create`. Nothing here asks the engine or
the host: a test reads the result as data.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluate.sandbox.port import Image, Job
from evaluate.sandbox.processors import ANYWHERE, Share
from evaluate.sandbox.surroundings import (
    SCRATCH,
    Surroundings,
    environment,
    normalised,
    volume_paths,
)

_MIB = 2**20
_HOST = "segjudge"

OWNER_LABEL = "org.segjudge.owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What the policy has to know about the engine and the host.

    Attributes:
        uid: the harness's own user id.
        gid: its group id.
        rootless: the engine runs as a user; its containers' root is that user.
        remapped: the engine maps the containers' user ids to others.
        init: the engine has an init process to put into containers.
        seccomp: the engine filters system calls by its default profile.
        memory_limit: the kernel can limit memory.
        swap_limit: the kernel can limit swap.
        pids_limit: the kernel can limit processes.
        cpu_limit: the kernel can limit CPU time.
        cpus: CPUs of the engine's machine.
        memory_mib: memory of the engine's machine.
        gpus: the engine has NVIDIA's runtime, by which containers get GPUs.
        runtime: what the user has chosen to run containers; None for the engine's own choice.
        podman: it is Podman, whose helpers share a container's parent cgroup.
        sockets_limit: what waits in sockets counts as memory, or has a limit of its own.
        cpuset: the kernel can keep a container on some processors.
        most_processes: the hard limit (RLIMIT_NPROC) that every process here may set; None where
            the engine sets none by itself.
    """

    uid: int
    gid: int
    rootless: bool
    remapped: bool
    init: bool
    seccomp: bool
    memory_limit: bool
    swap_limit: bool
    pids_limit: bool
    cpu_limit: bool
    cpus: int
    memory_mib: int
    gpus: bool = False
    runtime: str | None = None
    podman: bool = False
    sockets_limit: bool = True
    cpuset: bool = False
    most_processes: int | None = None


def container_user(engine: EngineFacts) -> tuple[int, int]:
    """User and group of the container: never the host's root, and able to write its outputs.

    The harness's own where that is an ordinary user, so that its files are ours to read and delete
    and nothing has to be opened to everyone. 10001 where the harness is root, which then gives the
    outputs folder to it.
    """
    if engine.rootless:
        return (0, 0)  # mapped to the user who runs the engine
    if engine.uid == 0:
        return (10001, 10001)
    return (engine.uid, engine.gid)


def container_options(
    job: Job,
    image: Image,
    engine: EngineFacts,
    *,
    name: str,
    owner: str,
    cgroup_parent: str | None,
    accounts: Mapping[str, str] | None = None,
    share: Share = ANYWHERE,
    calls: str | None = None,
    gpus: Sequence[str] = (),
) -> dict[str, object]:
    """The engine's options for one job.

    Args:
        job: what to run.
        image: what to run it in.
        engine: facts about the engine.
        name: the container's, unique in the engine.
        owner: token of the harness, by which leftovers are found.
        cgroup_parent: cgroup to put the container under; None for the engine's own.
        accounts: files of the host that become the container's, such as /etc/passwd, by path.
        share: processors to run on, and nodes whose memory to take.
        calls: file of the engine's machine that says which system calls are open.
        gpus: ids of those that are the job's alone; none where the engine is to choose.
    """
    uid, gid = container_user(engine)
    around = image.around
    if engine.podman and around.home_is_bare:  # which can't give such a piece to a user
        around = dataclasses.replace(around, home=SCRATCH, home_is_bare=False)
    cpus = job.limits.cpus and (len(share.cpus) or min(job.limits.cpus, engine.cpus))
    return {
        "Image": image.handle,
        **_call(job),
        "User": f"{uid}:{gid}",
        "WorkingDir": around.working_directory,  # the image's, made absolute
        "Env": [f"{key}={value}" for key, value in environment(around, cpus).items()],
        "Hostname": _HOST,  # not the host's business, and the same for everyone
        "Labels": {OWNER_LABEL: owner},
        "Healthcheck": {"Test": ["NONE"]},  # it would run beside the command and be measured
        "StopSignal": "SIGKILL",
        "AttachStdin": False,
        "OpenStdin": False,
        "Tty": False,
        "HostConfig": {
            **_host_config(job, engine, cgroup_parent, share, calls),
            **_devices(job.limits.gpus, gpus),
            "Tmpfs": _closed_pieces(image, job, engine)
            | _scratch(job, around, uid=uid, gid=gid, podman=engine.podman),
            "Mounts": [
                _bind(str(job.inputs), job.container_inputs, read_only=not job.inputs_writable),
                _bind(str(job.outputs), job.container_outputs, read_only=False),
                *_model(job, image),
                *(_bind(file, at, read_only=True) for at, file in (accounts or {}).items()),
                *_volumes(image, job, name=name, owner=owner),
            ],
        },
    }


def _call(job: Job) -> dict[str, object]:
    """What is started; what is left out here is as the image has it."""
    words = list(job.called(job.container_inputs, job.container_outputs))
    if job.own_entry:
        return {"Cmd": words} if words else {}
    # The first word as the entry point, so that the image's own can't swallow the command (an empty
    # list would say the same, but not to every engine).
    return {"Entrypoint": words[:1], "Cmd": words[1:]}


def _model(job: Job, image: Image) -> list[dict[str, object]]:
    if image.model is None or job.container_model is None:
        return []
    return [_bind(str(image.model), job.container_model, read_only=True)]


def _host_config(
    job: Job,
    engine: EngineFacts,
    cgroup_parent: str | None,
    share: Share,
    calls: str | None,
) -> dict[str, object]:
    limits = job.limits
    memory = limits.memory_mib * _MIB
    # One MiB above, so that the watch sees the excess and can name it; the kernel stops the rest.
    largest_file = (max(limits.output_mib, limits.scratch_mib) + 1) * _MIB
    options: dict[str, object] = {
        "NetworkMode": "none",
        # No name can be looked up, and no name server of the host needs to be known.
        "Dns": ["127.0.0.1"],
        "DnsSearch": ["."],
        "ExtraHosts": [f"{_HOST}:127.0.0.1"],  # its own name is all that it can look up
        "Memory": memory,
        "MemorySwap": memory,  # memory and swap together: no swap
        "PidsLimit": limits.processes,
        "Ulimits": [
            _ulimit("nofile", limits.open_files),
            # A core dump is written by the host, by a program of its root's where the kernel is set
            # so, which 0 does not stop and 1 does (core(5)).
            _ulimit("core", 1),
            _ulimit("fsize", largest_file),
            # Podman would set four million, which not even every root may.
            *([_ulimit("nproc", most)] if (most := engine.most_processes) is not None else []),
        ],
        "ReadonlyRootfs": True,
        # Counted as memory like any other, so that a smaller one would protect nothing.
        "ShmSize": (limits.shm_mib or limits.memory_mib) * _MIB,
        "CapDrop": ["ALL"],
        # seccomp: the engine's default profile, unless a stricter one is given
        "SecurityOpt": ["no-new-privileges", *([f"seccomp={calls}"] if calls else [])],
        "Privileged": False,
        "Devices": [],
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "Init": engine.init,
        "LogConfig": {"Type": "none"},  # read while it runs, in bounded memory; never on disk
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,  # its last state is read first
        "OomKillDisable": False,
    }
    # Asked for what was not handed to it, a rootless engine makes no container at all.
    if limits.cpus is not None and engine.cpu_limit:
        options["NanoCpus"] = round(min(limits.cpus, engine.cpus) * 1e9)
    places = {"CpusetCpus": share.cpus, "CpusetMems": share.nodes}
    options |= {key: ",".join(map(str, numbers)) for key, numbers in places.items() if numbers}
    if cgroup_parent is not None:
        options["CgroupParent"] = cgroup_parent
    if engine.runtime is not None:
        options["Runtime"] = engine.runtime
    if engine.remapped:
        options["UsernsMode"] = "host"  # or the outputs folder belongs to nobody inside
    return options


def _devices(count: int, ids: Sequence[str]) -> dict[str, object]:
    """Only these GPUs are in the container; its own variables can't bring in others."""
    which = {"DeviceIDs": list(ids)} if ids else {"Count": count}
    request = {"Driver": "nvidia", **which, "Capabilities": [["gpu"]]}
    return {"DeviceRequests": [request]} if count else {}


def _closed_pieces(image: Image, job: Job, engine: EngineFacts) -> dict[str, str]:
    """Podman's memory of any size over these folders, closed here; it holds what the image has."""
    if not engine.podman:
        return {}
    taken = {*image_volumes(image, job), *mounted(job)}
    options = f"ro,nosuid,nodev,size={job.limits.scratch_mib}m"
    return {at: options for at in ("/run", "/var/tmp") if at not in taken}  # noqa: S108 - a container's


def _ulimit(name: str, value: int) -> dict[str, str | int]:
    return {"Name": name, "Soft": value, "Hard": value}


def mounts_of(options: Mapping[str, object]) -> list[dict[str, object]]:
    """What is mounted, by a container's options."""
    host = options.get("HostConfig")
    mounts = host.get("Mounts") if isinstance(host, dict) else None
    return mounts if isinstance(mounts, list) else []


def _bind(source: str, target: str, *, read_only: bool) -> dict[str, object]:
    return {
        "Type": "bind",
        "Source": source,
        "Target": target,
        "ReadOnly": read_only,
        "BindOptions": {"Propagation": "rprivate"},
    }


def mounted(job: Job) -> tuple[str, ...]:
    """Folders of the image that something of ours is mounted over."""
    return (SCRATCH, normalised(job.container_inputs), normalised(job.container_outputs))


def _scratch(job: Job, around: Surroundings, *, uid: int, gid: int, podman: bool) -> dict[str, str]:
    """Pieces of memory to write to: /tmp, and a home that holds nothing of the image's."""
    # Executable: compilers of models load what they have just built from there.
    scratch = f"rw,nosuid,nodev,exec,size={job.limits.scratch_mib}m,mode="
    # Podman would copy what the image has there, and count it.
    pieces = {SCRATCH: f"{scratch}1777{',notmpcopyup' if podman else ''}"}
    home = around.home
    ours = (*mounted(job), "/dev", "/etc", "/proc", "/sys")
    if around.home_is_bare and not any(f"{home}/".startswith(f"{at}/") for at in ours):
        # Its owner has to be said: the engine gives it the mode that the image's folder has.
        pieces[home] = f"{scratch}0700,uid={uid},gid={gid}"
    return pieces


def image_volumes(image: Image, job: Job) -> list[str]:
    """The image's VOLUMEs that have to be mounted, each once, from the outermost."""
    return sorted(volume_paths(image.around).difference(mounted(job)))


def _volumes(image: Image, job: Job, *, name: str, owner: str) -> list[dict[str, object]]:
    """The image's own volumes, read-only, with what the image has there.

    Left alone, the engine mounts each as a writable folder of the host's disk without a limit.
    They have names because the engine takes no nameless one as read-only.
    """
    return [
        {
            "Type": "volume",
            "Source": f"{name}_{number}",
            "Target": path,
            "ReadOnly": True,
            "VolumeOptions": {"Labels": {OWNER_LABEL: owner}},
        }
        for number, path in enumerate(image_volumes(image, job))
    ]
