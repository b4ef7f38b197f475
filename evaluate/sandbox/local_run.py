"""One command as a plain subprocess, watched from start to end."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from evaluate.facts.run_rules import Limits
from evaluate.sandbox.left_outputs import reclaim
from evaluate.sandbox.log import BoundedLog
from evaluate.sandbox.measurement import (
    GpuMeter,
    Others,
    ProcessTree,
    Profile,
    RunCgroup,
)
from evaluate.sandbox.port import Ending, Execution, Job, SandboxError
from evaluate.sandbox.room import Room
from evaluate.sandbox.supervision import StopReason, Watch, supervise, too_large
from evaluate.sandbox.surroundings import threads

_MIB = 2**20
# In the environment of whatever runs, with the name of its scratch folder.
MARK = "SEGJUDGE_RUN"
_MEMORY_EVERY_S = 0.05
_OUTPUTS_EVERY_S = 0.2
_KILL_GRACE_S = 60.0
NOT_ENFORCED = [
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


class LocalRun:
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
        """Run it; in a group of its own, if there is one, whose counters are exact."""
        limits = self._job.limits
        # Unique to this run: by it the run's processes are found wherever they have gone.
        mark = f"{MARK}={self._home.name}"
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
                "not_enforced": list(NOT_ENFORCED),
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
