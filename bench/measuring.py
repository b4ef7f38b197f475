"""The same loads under BenchExec's `runexec` and in segjudge's sandbox: CPU time and peak memory.

    python -m bench.measuring RUNEXEC [FOLDER]

RUNEXEC is the program of an environment with bench/requirements-benchexec.txt. Both start the same
static program in cgroups of this machine, in turns, and the idle program is taken off. `runexec`
measures without its own container (`--no-container`): the loads need none, and what is compared is
the counting. Writes docs/bench/measuring.md.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.measurement import BASE, run_once
from evaluate.facts.run_rules import Limits
from evaluate.sandbox import open_sandbox

REPEATS = 3
_START = """
import os, sys, time
def burn(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until: pass
"""
_IDLE = _START


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A program whose use is known; None where it says nothing."""

    name: str
    code: str
    cpu_s: float | None = None
    memory_mib: float | None = None


LOADS = (
    Load(name="busy for 2 s, one process", code="burn(2)", cpu_s=2),
    Load(
        name="busy for 2 s each, three processes",
        code="for _ in range(2):\n    if os.fork() == 0: burn(2); os._exit(0)\n"
        "burn(2)\nfor _ in range(2): os.wait()",
        cpu_s=6,
    ),
    Load(
        name="200 MB of its own, held",
        code="block = b'x' * 200_000_000\ntime.sleep(1)",
        memory_mib=200e6 / 2**20,
    ),
    Load(
        name="a file of 300 MB, written and read",
        code="path = sys.argv[1] + '/file'\n"
        "with open(path, 'wb') as f:\n    for _ in range(300): f.write(bytes(10**6))\n"
        "with open(path, 'rb') as f:\n    while f.read(10**6): pass\nos.unlink(path)",
        memory_mib=0,
    ),
    Load(
        name="a child that outlives its parent, busy for 1 s",
        code="end, held = os.pipe()\n"
        "if os.fork() == 0:\n    if os.fork(): os._exit(0)\n    burn(1); os._exit(0)\n"
        "os.wait(); os.close(held); os.read(end, 1)",
        cpu_s=1,
    ),
    Load(name="busy for 50 ms", code="burn(0.05)", cpu_s=0.05),
)


def _by_runexec(runexec: str, folder: Path) -> Callable[[str], tuple[float, float]]:
    def run(code: str) -> tuple[float, float]:
        command = [runexec, "--no-container", "--output", str(folder / "output"), "--"]
        command += [sys.executable, "-c", code, str(folder)]
        said = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
        values = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        if values.get("returnvalue") != "0" or "memory" not in values:
            raise SystemExit(f"{runexec}: {said}")
        return float(values["cputime"].rstrip("s")), int(values["memory"].rstrip("B")) / 2**20

    return run


def _difference(ours: float, theirs: float) -> str:
    return f"{ours - theirs:+.3f} ({(ours - theirs) / theirs:+.1%})" if theirs else "–"


def main(runexec: str, out: Path = Path("docs/bench")) -> None:
    """Measure, and write the page."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="segjudge-bench-") as scratch:
        sandbox = open_sandbox("docker", scratch=Path(scratch), environment=os.environ)
        theirs = _by_runexec(runexec, Path(scratch))
        try:
            image = sandbox.prepare(BASE, limits=Limits(timeout_s=1, memory_mib=1))

            def ours(code: str) -> tuple[float, float]:
                done = run_once(sandbox, image, code, "/workspace/outputs")
                if done.exit_code != 0 or done.cpu_s is None or done.peak_memory_mib is None:
                    raise SystemExit(done.log.decode())
                return done.cpu_s, done.peak_memory_mib

            def medians(code: str) -> list[tuple[float, float]]:
                pairs = [(ours(code), theirs(code)) for _ in range(REPEATS)]
                return [
                    (statistics.median(p[i][0] for p in pairs),
                     statistics.median(p[i][1] for p in pairs))
                    for i in range(2)
                ]  # fmt: skip

            idle = medians(_IDLE)
            for load in LOADS:
                (cpu, memory), (cpu_x, memory_x) = (
                    (a - c, b - d)
                    for (a, b), (c, d) in zip(medians(_START + load.code), idle, strict=True)
                )
                cells = [load.name, "", "", "", ""]
                if load.cpu_s is not None:
                    cells += [f"{load.cpu_s:g} s", f"{cpu_x:.3f}", f"{cpu:.3f}"]
                    cells += [_difference(cpu, cpu_x)]
                else:
                    known = load.memory_mib or 0.0
                    cells += [f"{known:.1f} MiB", f"{memory_x:.1f}", f"{memory:.1f}"]
                    cells += [_difference(memory, memory_x) if known else "see below"]
                rows.append("| " + " | ".join([cells[0], *cells[5:]]) + " |")
                print(rows[-1], flush=True)
        finally:
            sandbox.close()
    table = "\n".join(rows)
    (out / "measuring.md").write_text(
        "# The same loads under BenchExec and segjudge\n\n"
        f"Made by `python -m bench.measuring RUNEXEC`; medians of {REPEATS} runs in turns, the idle"
        " interpreter taken off on both sides.\n\n"
        "| load | known | runexec | segjudge | difference |\n|---|---|---|---|---|\n"
        f"{table}\n\n"
        "A file's pages are no memory that a program has asked for: segjudge takes them off the"
        " kernel's peak, and BenchExec has them in its peak. What remains with the shortest load is"
        " the start of a container, which differs by some milliseconds from one to the next.\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
