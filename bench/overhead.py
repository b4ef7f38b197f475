"""What the harness adds: an empty participant on 50 cases, beside `docker run` in a shell loop.

    python -m bench.overhead [IMAGE]

Both start a container for each case with the same limits, mounts and user, one after the other,
in one run and in turns. The harness also copies the case in, watches the outputs, reads the log,
checks what was written and makes each result durable. IMAGE needs a shell; by default it is
python:3.11-slim. The harness's own CPU time is what it takes beyond a call that finds all done.
"""

import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from data_manifest.demo.records import RawCase
from data_manifest.making.writing import write_case
from data_manifest.manifest import Manifest, Preparation, save_manifest
from evaluate.store import RunDirectory

CASES = int(os.environ.get("OVERHEAD_CASES", "50"))


def _data(folder: Path) -> Path:
    """The manifest of small cases."""
    for kind in ("inputs", "references"):
        (folder / kind).mkdir(parents=True)
    labels = np.zeros((64, 64), np.uint8)
    labels[20:40, 20:40] = 1
    cases = [
        write_case(
            folder,
            RawCase(
                identifier=f"2DBox_CT_{number:03d}",
                modality="CT",
                image=labels * 100,
                labels=labels,
                label_names=("square",),
                spacing_mm=None,
                origin="simulated",
                source="a square",
                licence="CC0-1.0",
            ),
            preparation=Preparation(seed=0, margin=0, jitter=0, recipe="0" * 64),
        )
        for number in range(CASES)
    ]
    save_manifest(Manifest(schema=1, name="overhead", cases=tuple(cases)), folder / "manifest.json")
    return folder / "manifest.json"


def _docker_run(options: dict, image: str, inputs: Path, outputs: Path) -> str:
    """The shell's command with what the harness asked the engine for, as run.json has it."""
    words = ["docker", "run", "--rm", "--network", "none", "--read-only", "--init"]
    words += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    words += ["--memory", "8192m", "--memory-swap", "8192m", "--pids-limit", "4096"]
    words += ["--ulimit", "nofile=4096:4096", "--user", str(options.get("User", "1000:1000"))]
    words += ["--tmpfs", "/tmp:size=1024m", "--workdir", "/"]  # noqa: S108  # the container's
    words += ["-v", f"{inputs}:/workspace/inputs:ro", "-v", f"{outputs}:/workspace/outputs"]
    words += ["--entrypoint", "", image, "/bin/sh", "-c", "exit 0"]
    return shlex.join(words)


def _spent(command: list[str]) -> tuple[float, float]:
    """Seconds, and seconds of CPU of the command and its children; the engine's are not in it."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{shlex.join(command)}: exit code {process.returncode}")
    return time.perf_counter() - started, used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print the ratio."""
    base = sys.argv[1] if len(sys.argv) > 1 else "python:3.11-slim"
    with tempfile.TemporaryDirectory(prefix="segjudge-bench-") as scratch:
        folder = Path(scratch)
        manifest = _data(folder / "data")
        protocol = folder / "protocol.toml"
        shown = subprocess.run(
            [sys.executable, "-m", "segjudge", "protocol", "show", "segjudge"],
            check=True, stdout=subprocess.PIPE, encoding="utf-8",
        ).stdout  # fmt: skip
        protocol.write_text(
            shown.replace('"/bin/bash", "-c", "sh predict.sh"', '"/bin/sh", "-c", "exit 0"'),
            encoding="utf-8",
        )
        ratios = []
        for turn in range(2):
            run = folder / f"run{turn}"
            command = [sys.executable, "-m", "segjudge", "run", "--manifest", str(manifest)]
            command += ["--protocol", str(protocol), "--submission", f"empty={base}", str(run)]
            ours, cpu_s = _spent(command)
            each_ms = 1000 * (cpu_s - _spent(command)[1]) / CASES
            (entry, *_) = RunDirectory.open(run).journal().values()
            inputs, outputs = folder / "data" / "inputs", folder / f"outputs{turn}"
            outputs.mkdir()
            line = _docker_run(entry.sandbox, base, inputs, outputs)
            started = time.perf_counter()
            subprocess.run(
                ["/bin/sh", "-c", f"for i in $(seq {CASES}); do {line}; done"], check=True
            )
            loop = time.perf_counter() - started
            ratios.append(ours / loop)
            print(f"segjudge {ours:.1f} s, docker run {loop:.1f} s, ratio {ours / loop:.2f}")
            print(f"the harness's own CPU time: {each_ms:.0f} ms a container")
        print(f"overhead ratio, the better of two: {min(ratios):.2f}")


if __name__ == "__main__":
    main()
