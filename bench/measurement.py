"""How exact the measurement is: containers with a known load and a known allocation.

    python -m bench.measurement [FOLDER]

Each program knows what it uses: it burns CPU time until its own clock (and its children's) says so,
and fills memory that it has asked for. Its bare interpreter is measured too, and taken off. Beside
the cgroup, the table has what the engine's samples give, the fallback of a harness that may not
make a cgroup.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Execution, Image, Job, Sandbox, open_sandbox
from evaluate.sandbox.measurement import RunCgroup

BASE = "python:3.11-slim"
REPEATS = 3
_BURN = """
import time
def burn(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until: pass
"""
_BARE = _BURN + "time.sleep({wait})"
_ONE = _BURN + "burn({cpu_s})"
_CHILDREN = (
    _BURN
    + """
import os
for _ in range(4):
    if os.fork() == 0:
        burn({cpu_s} / 4); os._exit(0)
for _ in range(4): os.wait()
"""
)
_ALLOCATE = _BURN + "block = bytearray({mib} << 20); block[::4096] = b'x' * len(block[::4096])\n"
_BRIEFLY = _ALLOCATE + "del block\ntime.sleep({wait})"
_HELD = _ALLOCATE + "time.sleep({wait})"
# Says how long it took to fill the block: half of that counts as held.
_TIMED = (
    "import time; began = time.monotonic()\n" + _HELD + "\nprint(time.monotonic() - began - {wait})"
)


@contextmanager
def _without_cgroup() -> Iterator[None]:
    """As where the harness may not make a cgroup."""
    make = RunCgroup.make
    RunCgroup.make = classmethod(lambda *_, **__: None)  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        RunCgroup.make = make  # type: ignore[method-assign]


def run_once(
    sandbox: Sandbox, image: Image, code: str, *words: str, profile_hz: float | None = None
) -> Execution:
    """One container of a Python program with these arguments."""
    with tempfile.TemporaryDirectory(prefix="segjudge-bench-") as scratch:
        inputs, outputs = Path(scratch) / "inputs", Path(scratch) / "outputs"
        inputs.mkdir()
        outputs.mkdir()
        return sandbox.run(
            image,
            Job(
                command=("python3", "-c", code, *words),
                inputs=inputs,
                outputs=outputs,
                container_inputs="/workspace/inputs",
                container_outputs="/workspace/outputs",
                limits=Limits(timeout_s=120, memory_mib=4096),
                profile_hz=profile_hz,
            ),
        )


def _median(sandbox: Sandbox, image: Image, code: str, value: str) -> float:
    runs = [run_once(sandbox, image, code) for _ in range(REPEATS)]
    if any(run.exit_code != 0 for run in runs):
        raise SystemExit(f"a program failed: {runs[0].log.decode()}")
    return statistics.median(getattr(run, value) for run in runs)


def _rows(sandbox: Sandbox, image: Image) -> Iterator[tuple[str, float, float, float]]:
    """What was to be measured, known, found by the cgroup, and by the samples."""
    loads = [
        ("CPU time, one process, s", _ONE, "cpu_s", [0.5, 2.0, 5.0]),
        ("CPU time, four children, s", _CHILDREN, "cpu_s", [2.0]),
        ("memory held for 2.5 s, MiB", _HELD, "peak_memory_mib", [64, 512, 2048]),
        ("memory freed at once, MiB", _BRIEFLY, "peak_memory_mib", [512]),
    ]
    for name, code, value, sizes in loads:
        # The samples come once a second: what is shorter than that they may miss altogether.
        bare = _BARE.format(wait=2.5)
        base = _median(sandbox, image, bare, value)
        with _without_cgroup():
            base_sampled = _median(sandbox, image, bare, value)
        for known in sizes:
            program = code.format(cpu_s=known, mib=known, wait=2.5)
            exact = _median(sandbox, image, program, value) - base
            with _without_cgroup():
                sampled = _median(sandbox, image, program, value) - base_sampled
            yield f"{name}", float(known), exact, sampled


def _profile_row(sandbox: Sandbox, image: Image) -> str:
    """The area under memory use of a block held for a known time, from samples at 10 Hz."""
    from evaluate.running.profiles_kept import memory_area_mib_s

    areas = []
    for code in (_BARE, _TIMED):
        run = run_once(sandbox, image, code.format(wait=2.5, mib=512), profile_hz=10)
        areas.append(memory_area_mib_s(run.profile, run.wall_s))
        rate = len(run.profile) / (run.wall_s - (run.startup_s or 0.0))
    known = 512 * (2.5 + float(run.log) / 2)
    area = areas[1] - areas[0]
    return (
        f"| area under memory, 512 MiB for 2.5 s, MiB·s | {known:.0f} | {area:.0f}"
        f" ({area / known - 1:+.1%}), {rate:.1f} samples a second | |"
    )


def main() -> None:
    """Measure, and write the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/bench")
    lines = [
        "# How exact CPU time and memory are",
        "",
        f"Median of {REPEATS} runs each, the bare interpreter taken off; `make bench` repeats it."
        " The samples are the fallback of a harness that may not make a cgroup, and `measured_by`"
        " names the method in every row of runs.csv.",
        "",
        "| what | known | cgroup (error) | engine's samples (error) |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(prefix="segjudge-bench-") as scratch:
        sandbox = open_sandbox("docker", scratch=Path(scratch), environment=os.environ)
        try:
            image = sandbox.prepare(BASE, limits=Limits(timeout_s=1, memory_mib=1))
            for name, known, exact, sampled in _rows(sandbox, image):
                errors = [f"{x:.3f} ({x / known - 1:+.1%})" for x in (exact, sampled)]
                lines.append(f"| {name} | {known:g} | {errors[0]} | {errors[1]} |")
                print(lines[-1])
            lines.append(_profile_row(sandbox, image))
            print(lines[-1])
            sandbox.release(image)
        finally:
            sandbox.close()
    (folder / "measurement.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
