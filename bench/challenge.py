"""A whole challenge from its results on: 20 teams on 3,000 cases, 60,000 synthetic attempts.

    python -m bench.challenge FOLDER [TEAMS CASES_OF_EACH_MODALITY]

The run is made in FOLDER if it is not there, by the tests' own maker, which writes through the
store; that takes a quarter of an hour. Images are small: reading masks is what `bench.scoring`
measures. Then each command is measured on its own, and docs/bench/challenge.md is written.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "bench" / "challenge.md"
LOOK = """
import sys; from pathlib import Path; from evaluate.store import RunDirectory
print(sum(1 for _ in RunDirectory(Path(sys.argv[1])).results()))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCommand:
    """One command, as the system counts it with its children."""

    what: str
    elapsed_s: float
    cpu_s: float
    peak_mib: float


def _measured(what: str, *command: object) -> MeasuredCommand:
    started = time.perf_counter()
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{what}: exit code {process.returncode}")
    return MeasuredCommand(
        what=what,
        elapsed_s=time.perf_counter() - started,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_mib=used.ru_maxrss / 1024,
    )


def make(folder: Path, *, teams: int, cases: int) -> None:
    """A finished run of random objects, one result in a hundred a timeout."""
    sys.path.insert(0, str(ROOT / "tests" / "reporting"))
    import synthetic_run
    from synthetic_run import MODALITIES, Outcome, Scale

    def predict(
        labels: npt.NDArray[np.generic], skill: float, rng: np.random.Generator
    ) -> npt.NDArray[np.uint16]:
        moved = np.roll(labels, rng.integers(-2, 3), axis=-1).astype(np.uint16)
        moved[rng.random(labels.shape) < 0.01 * (1 - skill)] = 0
        return moved

    synthetic_run._predict = predict
    names = tuple(f"team-{number:02d}" for number in range(teams))
    rng = np.random.default_rng(1)
    failures = {
        (team, f"{dimension}Box_{modality}_{number:04d}"): Outcome.TIMEOUT
        for team in names
        for modality, dimension in MODALITIES.items()
        for number in range(cases)
        if rng.random() < 0.01
    }
    synthetic_run.make_run(folder, Scale(teams=names, cases_each=cases, failures=failures))


def measured(folder: Path) -> Iterator[MeasuredCommand]:
    """Every stage, once the scores are kept."""
    run, data = folder / "run", ("--manifest", folder / "data" / "manifest.json")
    command = Path(sys.executable).with_name("segjudge")
    yield _measured("what is outstanding (`run` again)", sys.executable, "-c", LOOK, run)
    _measured("score, at first", command, "score", run, *data)
    yield _measured("`score`, all of it kept", command, "score", run, *data)
    yield _measured("`rank`, 1,000 resamples", command, "rank", run)
    yield _measured("`report`", command, "report", run, *data)


def main(folder: Path, teams: int = 20, cases: int = 750) -> None:
    """Make what is missing, measure, and write the page."""
    if not (folder / "run" / "runs.csv").exists():
        make(folder, teams=teams, cases=cases)
    rows = "".join(
        f"| {row.what} | {row.elapsed_s:.0f} | {row.cpu_s:.0f} | {row.peak_mib:.0f} |\n"
        for row in measured(folder)
    )
    page, busy = folder / "run" / "report" / "index.html", os.getloadavg()[1]
    PAGE.write_text(
        f"# A whole challenge\n\n{teams} teams on {cases * 4:,} cases,"
        f" {teams * cases * 4:,} attempts, made by `python -m bench.challenge FOLDER`.\n\n"
        f"| command | s | s of CPU | MiB at most |\n|---|---|---|---|\n{rows}\n"
        f"On {os.cpu_count()} processors with {busy:.0f} programs at work, on average; the"
        " report draws its pictures on all of them. The report's first page is"
        f" {page.stat().st_size / 2**20:.1f} MiB.\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
