"""Tries what an engine enforces, by containers that break each limit: what it says is not believed.

The image is made of this machine's own shell, so that none has to be fetched.
"""

import contextlib
import hashlib
import shutil
import subprocess
from pathlib import Path

import msgspec

from evaluate.facts.run_rules import Limits
from evaluate.sandbox.control import image_archive, tar_of
from evaluate.sandbox.ownership import boot
from evaluate.sandbox.port import Ending, Execution, Image, Job, Sandbox

_SHELL = "/bin/sh"
_MEMORY_MIB = 64
_PROCESSES = 96  # gVisor has some of its own
_CPUS = 0.25
_TIMEOUT_S = 1.5
_GROW_S = 30.0  # it ends by itself; a busy machine takes longer than five seconds
_SCRATCH_MIB = 1
_OPEN_FILES = 123
_PROBE_LIMITS = {"processes": _PROCESSES, "scratch_mib": _SCRATCH_MIB, "open_files": _OPEN_FILES}
# Facts, one a line; then processes that wait for ever, until no more can be made.
_PROBE = f"""
while read -r key value; do
  case $key in Uid:|CapEff:|NoNewPrivs:|Seccomp:) echo "$key $value";; esac
done < /proc/self/status
while read -r name rest; do case $name in *:*) echo "interface $name";; esac; done < /proc/net/dev
read -r linux version kernel rest < /proc/version; echo "kernel $kernel"
printf 'files '; ulimit -n; printf 'size '; ulimit -f
for folder in / /run /var/tmp; do (: > $folder/written) 2>/dev/null && echo "written $folder"; done
unshare -U -- /bin/sh -c : 2>/dev/null && echo "namespace made"
mknod /tmp/disk b 254 0 2>/dev/null && echo "disk made"
for path in /dev/*; do echo "device ${{path#/dev/}}"; done
x=0123456789abcdef; n=0; while [ $n -lt 17 ]; do x=$x$x; n=$((n + 1)); done
echo "$x" 2>/dev/null > /tmp/fill && echo "scratch filled"
x=
: > /tmp/fill
while [ ! -e /tmp/done ]; do :; done | {{
  (
    exec 3<&0
    number=0
    while [ $number -lt {2 * _PROCESSES} ]; do
      (read -r x <&3) &
      number=$((number + 1))
      echo "processes $number"
    done
  )
  : > /tmp/done
}}
"""
_HARMLESS = {"core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr",
             "stdin", "stdout", "tty", "urandom", "zero"}  # fmt: skip
_TOLD = {"capabilities": "CapEff:", "privileges": "NoNewPrivs:", "system calls": "Seccomp:"}
_GROW = "x=0123456789abcdef; n=0; while [ $n -lt 24 ]; do x=$x$x; n=$((n + 1)); done; echo grown"
_SPIN = "while :; do :; done"


def remembered_trial(
    sandbox: Sandbox, scratch: Path, cache: Path, machine: tuple[str, str]
) -> dict[str, str]:
    """`broken_limits`, once for an engine as it is since this machine has started.

    Raises:
        SandboxError: the engine does not run a plain container.
    """
    facts = msgspec.json.encode([boot(), sandbox.describe()], order="sorted")
    kept = cache / "trials-2" / f"{hashlib.sha256(facts).hexdigest()}.json"
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(kept.read_bytes(), type=dict[str, str])
    broken = broken_limits(sandbox, scratch, machine) or {}
    with contextlib.suppress(OSError):  # then the next start tries again
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(msgspec.json.encode(broken))
    return broken


def broken_limits(
    sandbox: Sandbox, scratch: Path, machine: tuple[str, str]
) -> dict[str, str] | None:
    """What could be exceeded, in words, by subject; None where it can't be tried here.

    Raises:
        SandboxError: the engine does not run a plain container.
    """
    archive = shell_image(scratch, machine)
    if archive is None:
        return None
    image = sandbox.prepare(str(archive), limits=Limits(timeout_s=5.0, memory_mib=_MEMORY_MIB))

    def run(name: str, script: str, **limits: float) -> Execution:
        return _run(sandbox, image, scratch / name, script, **limits)

    try:
        broken = {
            **_facts(run("probe", _PROBE, **_PROBE_LIMITS), str(sandbox.describe().get("kernel"))),
            **_memory(run("memory", _GROW, memory_mib=_MEMORY_MIB, timeout_s=_GROW_S)),
            **_cpu(run("cpu", _SPIN, cpus=_CPUS, timeout_s=_TIMEOUT_S)),
        }
        if "kernel" in broken:
            script = f"({_GROW}); echo lived"
            child = run("child", script, memory_mib=_MEMORY_MIB, timeout_s=_GROW_S)
            if child.ending is Ending.OUT_OF_MEMORY and b"lived" not in child.log:
                broken["kernel"] += "; over the limit of memory the whole container ends"
    finally:
        sandbox.release(image)
    return {subject: f"{subject}: {words}" for subject, words in broken.items()}


def shell_image(scratch: Path, machine: tuple[str, str]) -> Path | None:
    """An archive of this machine's shell, with what makes namespaces and devices if that is there.

    None where it has no shell.
    """
    others = (shutil.which(name, path="/usr/bin:/bin") for name in ("unshare", "mknod"))
    programs = [_SHELL, *filter(None, others)]
    try:
        listed = subprocess.run(  # noqa: S603 - an argument vector, in no shell
            ["ldd", *programs],  # noqa: S607 - whichever comes first: it is this machine's own
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout
        words = (word.rstrip(":") for word in listed.split())
        files = {*programs, *(word for word in words if word.startswith("/"))}
        layer = tar_of({path.lstrip("/"): Path(path).read_bytes() for path in files})
    except (OSError, subprocess.CalledProcessError):
        return None
    scratch.mkdir(parents=True, exist_ok=True)
    archive = scratch / "shell.tar"
    archive.write_bytes(image_archive(layer, machine))
    return archive


def _run(sandbox: Sandbox, image: Image, folder: Path, script: str, **limits: float) -> Execution:
    for name in ("inputs", "outputs"):
        (folder / name).mkdir(parents=True)
    all_limits = {"timeout_s": 5.0, "memory_mib": 256, **limits}
    return sandbox.run(
        image,
        Job(
            command=(_SHELL, "-c", script),
            inputs=folder / "inputs",
            outputs=folder / "outputs",
            container_inputs="/workspace/inputs",
            container_outputs="/workspace/outputs",
            limits=Limits(**all_limits),  # type: ignore[arg-type]  # counts are whole here
        ),
    )


def _facts(ended: Execution, kernel: str) -> dict[str, str]:
    lines = [line.split() for line in ended.log.decode("utf-8", "replace").splitlines() if line]
    said = {words[0]: words[1:] for words in lines}
    if "Uid:" not in said:
        return {"containers": f"a plain one does not run: {ended.detail or ended.exit_code}"}
    interfaces = {words[1] for words in lines if words[0] == "interface"} - {"lo:"}
    written = [words[1] for words in lines if words[0] == "written"]
    devices = sorted({words[1] for words in lines if words[0] == "device"} - _HARMLESS)
    files, made = said["files"][0], int(said.get("processes", ["0"])[0])
    broken = {
        "open files": files != str(_OPEN_FILES)
        and f"a container may have {files}, the limit was {_OPEN_FILES}",
        "size of a file": said["size"] == ["unlimited"] and "it is not limited",
        "network": bool(interfaces) and f"a container has {', '.join(sorted(interfaces))}",
        "file system": bool(written) and f"{', '.join(written)} can be written to",
        "scratch": "scratch" in said and f"more than its {_SCRATCH_MIB} MiB can be written",
        "capabilities": int(said.get("CapEff:", ["0"])[0], 16) != 0 and "a container has some",
        "user": said["Uid:"][0] == "0"
        and "a container's command is root of its namespace: the engine's own user here",
        "privileges": said.get("NoNewPrivs:") == ["0"] and "a container can gain some",
        "processes": made >= 2 * _PROCESSES and f"{2 * _PROCESSES} ran, the limit was {_PROCESSES}",
    }
    if said.get("kernel") != [kernel]:  # gVisor and Kata have one of their own to attack
        own = [
            ("namespace" in said, "a container can make a user namespace"),
            ("disk" in said, "it can make a device"),
            (bool(devices), f"it has /dev/{', /dev/'.join(devices)}"),
            (made < _PROCESSES // 2, f"of {_PROCESSES} processes it can make {made}"),
            *((key not in said, f"{key[:-1]} is unknown") for key in _TOLD.values()),
            (said.get("Seccomp:") == ["0"], "no system call of its own is filtered"),
        ]
        words = [text for holds, text in own if holds]
        broken["kernel"] = bool(words) and f"not this machine's, and in it {', '.join(words)}"
    else:
        unfiltered = said.get("Seccomp:") == ["0"] and "none is filtered"
        root = "namespace" in said and "a container can make a user namespace and be its root"
        broken["system calls"] = unfiltered or root
        broken["devices"] = "disk" in said and "a container can make one"
        broken |= {
            k: "unknown: the kernel does not tell" for k, v in _TOLD.items() if v not in said
        }
    return {subject: words for subject, words in broken.items() if isinstance(words, str)}


def _memory(ended: Execution) -> dict[str, str]:
    if ended.ending is Ending.OUT_OF_MEMORY:
        return {}
    if b"grown" in ended.log:
        return {"memory": f"a container went over its limit of {_MEMORY_MIB} MiB"}
    how = f"{ended.ending}, exit code {ended.exit_code}"
    return {"memory": f"a container over its limit ended without the reason being known ({how})"}


def _cpu(ended: Execution) -> dict[str, str]:
    spun_s = ended.wall_s - (ended.startup_s or 0.0)
    broken = {}
    if ended.ending is not Ending.TIMEOUT or spun_s > 2 * _TIMEOUT_S:
        broken["time"] = f"a container ran for {spun_s:.1f} s, the limit was {_TIMEOUT_S:g} s"
    if ended.cpu_s is not None and ended.cpu_s >= 2 * _CPUS * spun_s + 0.2:
        used = ended.cpu_s / spun_s
        broken["CPUs"] = f"a container used {used:.2f}, the limit was {_CPUS:g}"
    return broken
