"""Tries what an engine enforces, by containers that break each limit: what it says is not believed.

The image is made of this machine's own shell, so that none has to be fetched.
"""

import subprocess
from pathlib import Path

from evaluate.facts.rules import Limits
from evaluate.sandbox import Ending, Execution, Image, Job, Sandbox
from evaluate.sandbox.control import image_archive, tar_of

_SHELL = "/bin/sh"
_MEMORY_MIB = 64
_PROCESSES = 24
_CPUS = 0.25
# Facts, one a line; then processes that never end, until no more can be made.
_PROBE = f"""
while read -r key value; do
  case $key in Uid:|CapEff:|NoNewPrivs:|Seccomp:) echo "$key $value";; esac
done < /proc/self/status
while read -r name rest; do case $name in *:*) echo "interface $name";; esac; done < /proc/net/dev
(: > /written) 2>/dev/null && echo "root written"
number=0
while [ $number -lt {4 * _PROCESSES} ]; do
  (while :; do :; done) &
  number=$((number + 1))
  echo "processes $number"
done
"""
_GROW = "x=0123456789abcdef; n=0; while [ $n -lt 24 ]; do x=$x$x; n=$((n + 1)); done; echo grown"
_SPIN = "while :; do :; done"


def broken_limits(sandbox: Sandbox, scratch: Path, machine: tuple[str, str]) -> list[str] | None:
    """What could be exceeded, in words; None where it can't be tried here.

    Raises:
        SandboxError: the engine does not run a plain container.
    """
    layer = _shell_layer()
    if layer is None:
        return None
    archive = scratch / "shell.tar"
    archive.write_bytes(image_archive(layer, machine))
    limits = Limits(timeout_s=5.0, memory_mib=_MEMORY_MIB)
    image = sandbox.prepare(str(archive), limits=limits)
    try:
        return [
            *_facts(_run(sandbox, image, scratch / "probe", _PROBE, processes=_PROCESSES)),
            *_memory(_run(sandbox, image, scratch / "memory", _GROW, memory_mib=_MEMORY_MIB)),
            *_cpu(_run(sandbox, image, scratch / "cpu", _SPIN, cpus=_CPUS, timeout_s=1.5)),
        ]
    finally:
        sandbox.release(image)


def _shell_layer() -> bytes | None:
    """This machine's shell with the libraries that it loads."""
    try:
        listed = subprocess.run(  # noqa: S603
            ["ldd", _SHELL],  # noqa: S607 - whichever comes first: it is this machine's own
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout
        files = [_SHELL, *(word for word in listed.split() if word.startswith("/"))]
        return tar_of({path.lstrip("/"): Path(path).read_bytes() for path in files})
    except (OSError, subprocess.CalledProcessError):
        return None


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
            limits=Limits(**all_limits),  # type: ignore[arg-type]
        ),
    )


def _facts(ended: Execution) -> list[str]:
    lines = [line.split() for line in ended.log.decode("utf-8", "replace").splitlines() if line]
    said = {words[0]: words[1:] for words in lines}
    if "Uid:" not in said:
        return [f"a plain container does not run: {ended.detail or ended.exit_code}"]
    interfaces = {words[1] for words in lines if words[0] == "interface"} - {"lo:"}
    broken = [
        (bool(interfaces), f"network: a container has {', '.join(sorted(interfaces))}"),
        ("root" in said, "file system: the root can be written to"),
        (int(said.get("CapEff:", ["0"])[0], 16) != 0, "capabilities: a container has some"),
        (said.get("NoNewPrivs:") == ["0"], "privileges: a container can gain some"),
        (said.get("Seccomp:") == ["0"], "system calls: none is filtered"),
        (
            int(said.get("processes", ["0"])[0]) >= 4 * _PROCESSES,
            f"processes: {4 * _PROCESSES} ran, the limit was {_PROCESSES}",
        ),
    ]
    return [words for is_broken, words in broken if is_broken]


def _memory(ended: Execution) -> list[str]:
    if ended.ending is Ending.OUT_OF_MEMORY:
        return []
    if b"grown" in ended.log:
        return [f"memory: a container went over its limit of {_MEMORY_MIB} MiB"]
    how = f"{ended.ending}, exit code {ended.exit_code}"
    return [f"memory: a container over its limit ended without the reason being known ({how})"]


def _cpu(ended: Execution) -> list[str]:
    spun_s = ended.wall_s - (ended.startup_s or 0.0)
    if ended.cpu_s is None or ended.cpu_s < 2 * _CPUS * spun_s + 0.2:
        return []
    return [f"CPUs: a container used {ended.cpu_s / spun_s:.2f}, the limit was {_CPUS:g}"]
