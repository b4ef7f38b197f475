"""Runs submissions as plain subprocesses: the default where there is no engine, and no isolation.

It keeps the contract (one case at a time, time, memory and size limits, nothing kept between runs)
for code that one trusts, such as the shipped participants. It contains nobody.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import psutil

from evaluate.facts.errors import SubmissionError
from evaluate.facts.rules import Limits
from evaluate.sandbox.case_folders import copy_folder, folder_digest
from evaluate.sandbox.dockerfiles import entry_point
from evaluate.sandbox.left_outputs import reclaim
from evaluate.sandbox.log import BoundedLog
from evaluate.sandbox.measurement import (
    GpuMeter,
    Gpus,
    Others,
    ProcessTree,
    Profile,
    RunCgroup,
    delegated,
    kill_marked,
)
from evaluate.sandbox.models import parted, with_model
from evaluate.sandbox.ownership import Owner
from evaluate.sandbox.port import Ending, Execution, Image, ImageProblem, Job, SandboxError, refused
from evaluate.sandbox.room import Room
from evaluate.sandbox.supervision import StopReason, Watch, supervise, too_large
from evaluate.sandbox.surroundings import threads

_MIB = 2**20
# In the environment of whatever runs, with the name of its scratch folder.
_MARK = "SEGJUDGE_RUN"
_MEMORY_EVERY_S = 0.05
_OUTPUTS_EVERY_S = 0.2
_KILL_GRACE_S = 60.0
_NOT_ENFORCED = [
    "network: the command can use it",
    "file system: the command can read and write whatever this user can",
    "inputs: they can be written to (they are a copy)",
    "user, capabilities, system calls: those of this user",
    "processes: their number is not limited",
    "swap: it is not limited",
    "scratch: the size of the temporary folder is not limited",
    "memory: sampled 20 times a second, not limited by the kernel",
    "CPUs: asked for by environment variables, not limited",
    "outputs: sampled 5 times a second, not limited by the kernel",
]
# Sets limits that only a process can set for itself; the command arrives as arguments, not as text.
_LIMITER = """ulimit -c 0; ulimit -n "$1" 2>/dev/null
for door in $2; do echo $$ > "$door"; done; shift 2; exec "$@"
"""


class LocalSandbox:
    """The adapter without isolation: a submission is a folder with `predict.sh`."""

    name = "local"
    isolated = False

    def __init__(
        self, *, scratch: Path, environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self._environment = environment
        self._scratch = scratch
        self._owner = Owner.current().token
        self._delegation = delegated(self._owner)
        for left in scratch.glob("local_*"):
            owner = Owner.parse(left.name.removeprefix("local_").partition("-")[0])
            if owner is not None and owner.is_gone():
                kill_marked(f"{_MARK}={left.name}")
                shutil.rmtree(left, ignore_errors=True)

    @cached_property
    def _gpus(self) -> Gpus:
        return Gpus.open(self._environment)

    def describe(self) -> dict[str, object]:
        """See `Sandbox.describe`."""
        return {
            "name": self.name,
            "isolated": self.isolated,
            "python": sys.version.split()[0],
            "cpus": os.cpu_count() or 1,
            "memory_mib": psutil.virtual_memory().total // _MIB,
            "not_enforced": list(_NOT_ENFORCED),
        }

    def prepare(self, reference: str, *, limits: Limits) -> Image:
        """See `Sandbox.prepare`. The folder is copied for each run, and left as it is."""
        folder = Path(parted(reference)[0])
        if folder.is_file():
            raise ImageProblem(
                f"{reference} is a file; an archive needs a container engine (`segjudge doctor`), "
                "the local sandbox runs a folder with predict.sh"
            )
        if not folder.is_dir():
            raise SubmissionError(
                where=reference,
                found="no such folder",
                expected="a folder with predict.sh; images need a container engine",
                mend="`segjudge doctor` says what is here",
            )
        if not (folder / "predict.sh").is_file() and not entry_point(folder).starts_itself:
            raise ImageProblem(f"{folder} has no predict.sh, which is what is run")
        digest = f"sha256:{folder_digest(folder)}"
        image = Image(
            reference=reference, digest=digest, kind="folder", handle=str(folder), details={}
        )
        return with_model(image, reference)

    def release(self, image: Image) -> None:
        """See `Sandbox.release`: the folder is the user's, and was never changed."""

    def close(self) -> None:
        """See `Sandbox.close`: every run has removed its own copy."""

    def run(self, image: Image, job: Job) -> Execution:
        """See `Sandbox.run`. An image's own entry point is what the Dockerfile says."""
        command = job.called(str(job.inputs), str(job.outputs))
        if job.own_entry:
            command = entry_point(Path(image.handle)).called(command)
        if not command:
            return refused("the Dockerfile has neither ENTRYPOINT nor CMD: nothing to start")
        try:
            for folder in (job.inputs, job.outputs):
                folder.stat()
            share = self._gpus.share(job.limits.gpus) if job.limits.gpus else nullcontext()
            with (
                share as gpu,
                tempfile.TemporaryDirectory(
                    prefix=f"local_{self._owner}-", dir=self._scratch, ignore_cleanup_errors=True
                ) as name,
            ):
                home = Path(name)
                (home / "tmp").mkdir()
                copy_folder(Path(image.handle), home / "work")
                run = _LocalRun(job, home, _with_shell(command), image.model, gpu)
                with self._delegation.group() if self._delegation else nullcontext() as group:
                    return run.execute(group)
        except OSError as error:
            raise SandboxError(
                where=f"local sandbox in {self._scratch}",
                found=f"failed: {error}",
                mend="see that the disk has room, then run again: finished cases are kept",
            ) from error


class _LocalRun:
    """One command in its scratch folder, from start to end."""

    def __init__(
        self, job: Job, home: Path, command: list[str], model: Path | None, gpu: GpuMeter | None
    ) -> None:
        self._job, self._home, self._command = job, home, command
        self._model, self._gpu = model, gpu
        self._log = BoundedLog(limit_bytes=job.limits.log_mib * _MIB)
        self._ended = threading.Event()
        self._ended_at = 0.0
        self._rusage_cpu_s = 0.0

    def execute(self, group: RunCgroup | None) -> Execution:
        limits = self._job.limits
        # Unique to this run: by it the run's processes are found wherever they have gone.
        mark = f"{_MARK}={self._home.name}"
        environment = _environment(self._job, self._home, mark)
        more = {"SEGJUDGE_MODEL": self._model, "CUDA_VISIBLE_DEVICES": self._gpu and self._gpu.cuda}
        environment |= {name: str(value) for name, value in more.items() if value is not None}
        started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        started = time.monotonic()
        room = Room(self._job.outputs, self._home)
        doors = " ".join(map(str, group.doors)) if group else ""
        process = subprocess.Popen(  # noqa: S603 - an argument vector, in no shell
            ["/bin/sh", "-c", _LIMITER, "sh", str(limits.open_files), doors, *self._command],
            cwd=self._home / "work",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        startup_s = time.monotonic() - started
        tree, others = ProcessTree(process.pid, mark=mark), Others()
        profile = Profile(self._job.profile_hz, self._gpu)
        profile.start(started)
        waiter = threading.Thread(target=self._await_exit, args=(process,), daemon=True)
        reader = threading.Thread(target=self._keep_output, args=(process,), daemon=True)
        every_s = min(_MEMORY_EVERY_S, profile.every_s or _MEMORY_EVERY_S)
        checks = [
            Watch(look=lambda: _memory(tree, limits, profile), every_s=every_s),
            Watch(look=lambda: too_large(self._job), every_s=_OUTPUTS_EVERY_S),
            Watch(look=room.look, every_s=_OUTPUTS_EVERY_S),
        ]
        if self._gpu is not None:
            self._gpu.pid = process.pid
            checks.append(Watch(look=self._gpu.watch, every_s=_OUTPUTS_EVERY_S))
        try:
            waiter.start()
            reader.start()
            verdict = supervise(
                self._ended, started=started, timeout_s=limits.timeout_s, checks=checks
            )
        finally:
            # Also after a regular end: what it has left behind could still write.
            left_running = tree.kill()
            if group is not None:
                group.end_all()
            for thread, patience_s in ((waiter, _KILL_GRACE_S), (reader, 5.0)):
                if thread.is_alive():  # not so if Ctrl-C came before it was started
                    thread.join(timeout=patience_s)
            reclaim(self._job.outputs)
        if waiter.is_alive():
            fault = f"still runs {_KILL_GRACE_S:g} s after it was killed"
            mend = "a process may hang in the kernel: see its state with `ps`"
            raise SandboxError(where=f"process {process.pid}", found=fault, mend=mend)
        wall_s = self._ended_at - started
        if verdict is None and wall_s > limits.timeout_s:
            verdict = StopReason(ending=Ending.TIMEOUT, detail=f"took {wall_s:.3f} s")
        verdict = verdict or too_large(self._job)
        if verdict is None or verdict.ending is not Ending.OUTPUT_TOO_LARGE:
            room.demand()  # else it has filled the disk itself
        usage = (group.usage() if group else None) or tree.usage(self._rusage_cpu_s)
        return Execution(
            ending=verdict.ending if verdict else Ending.EXITED,
            detail=verdict.detail if verdict else "",
            exit_code=None if verdict else _exit_code(process),
            wall_s=wall_s,
            cpu_s=usage.cpu_s,
            others_cpus=others.beside(usage.cpu_s),
            peak_memory_mib=usage.peak_memory_mib,
            file_pages_mib=usage.file_pages_mib,
            measured_by=usage.measured_by,
            started_at=started_at,
            log=self._log.content(),
            options={
                "command": self._command,
                "environment": environment,
                "left_running": left_running if verdict is None else 0,
                "not_enforced": list(_NOT_ENFORCED),
            },
            startup_s=startup_s,
            profile=profile.samples(),
            peak_gpu_memory_mib=self._gpu.peak_mib if self._gpu else None,
            gpu_busy_s=self._gpu.busy_s if self._gpu else None,
        )

    def _await_exit(self, process: subprocess.Popen[bytes]) -> None:
        # Not Popen.wait: only wait4 says what the process and all that it has waited for used.
        _, status, usage = os.wait4(process.pid, 0)
        self._ended_at = time.monotonic()
        process.returncode = os.waitstatus_to_exitcode(status)
        self._rusage_cpu_s = usage.ru_utime + usage.ru_stime
        self._ended.set()

    def _keep_output(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - Popen was asked for a pipe
        with process.stdout as pipe:
            while piece := os.read(pipe.fileno(), 2**16):
                self._log.write(piece)


def _environment(job: Job, home: Path, mark: str) -> dict[str, str]:
    """All that the command sees of our environment: nothing, but where Python and it are."""
    here = Path(sys.executable).parent
    mark_name, _, mark_value = mark.partition("=")
    environment = {
        "PATH": f"{here}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home / "tmp"),
        "TMPDIR": str(home / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SEGJUDGE_INPUTS": str(job.inputs),
        "SEGJUDGE_OUTPUTS": str(job.outputs),
        mark_name: mark_value,
    }
    return environment | threads(job.limits.cpus and min(job.limits.cpus, os.cpu_count() or 1))


def _with_shell(command: tuple[str, ...]) -> list[str]:
    """A command; where the host keeps its shell elsewhere, with that shell."""
    program, *arguments = command
    if program.startswith("/") and not Path(program).exists():
        program = shutil.which(Path(program).name) or program
    return [program, *arguments]


def _memory(tree: ProcessTree, limits: Limits, profile: Profile) -> StopReason | None:
    used_mib = tree.sample(limit_mib=limits.memory_mib)
    profile.add(cpu_s=tree.cpu_s, memory_mib=used_mib)
    if used_mib <= limits.memory_mib:
        return None
    detail = f"{used_mib:.0f} MiB in use, the limit is {limits.memory_mib} MiB"
    return StopReason(ending=Ending.OUT_OF_MEMORY, detail=detail)


def _exit_code(process: subprocess.Popen[bytes]) -> int:
    """The shell's and the engines' convention for an end by a signal: 128 plus its number."""
    code = process.returncode
    return code if code >= 0 else 128 + signal.Signals(-code)
