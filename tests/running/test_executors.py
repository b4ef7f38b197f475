"""Several at a time keeps every slot busy, and gives what one at a time gives."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluate.facts.attempts import Attempt
from evaluate.facts.rules import load_protocol
from evaluate.running.stage import run_submissions
from evaluate.sandbox import Execution, Image, Job
from evaluate.store import RunDirectory
from tests.running.test_retries import Flaky

TEAMS = 10  # with the four cases of `small_data`: 40 runs
PATIENCE_S = 20.0


class Counted(Flaky):
    """A sandbox whose runs meet each other as a test wants; warm-ups don't count."""

    def __init__(self, meet: Callable[[int], None]) -> None:
        super().__init__(range(0))
        self.meet = meet
        self.counted = 0
        self.lock = threading.Lock()

    def prepare(self, reference: str, **_: Any) -> Image:
        digest = hashlib.sha256(reference.encode()).hexdigest()
        return Image(
            reference=reference, digest=digest, kind="reference", handle=reference, details={}
        )

    def run(self, image: Image, job: Job) -> Execution:
        with self.lock:
            made = super().run(image, job)
            number = self.counted
            self.counted += threading.current_thread() is not threading.main_thread()
        if threading.current_thread() is not threading.main_thread():
            self.meet(number)
        return made


def start(data: Path, root: Path, sandbox: Flaky, parallel: int) -> RunDirectory:
    return run_submissions(
        manifest_path=data,
        protocol=load_protocol("cvpr24"),
        references={f"team{number}": f"image{number}" for number in range(TEAMS)},
        root=root,
        sandbox=sandbox,
        parallel=parallel,
    )


def test_sixteen_at_a_time_are_sixteen(small_data: Path, tmp_path: Path) -> None:
    """Sixteen runs wait for each other: with fewer at a time none would ever end."""
    barrier = threading.Barrier(16)

    def meet(number: int) -> None:
        if number < 16:
            barrier.wait(PATIENCE_S)

    run = start(small_data, tmp_path / "run", Counted(meet), 16)
    assert len(run.read_rows(Attempt)) == 4 * TEAMS
    assert barrier.n_waiting == 0 and not barrier.broken


def test_a_slow_run_keeps_no_other_waiting(small_data: Path, tmp_path: Path) -> None:
    """The first run ends after all others: a pause for all after every few would never end."""
    ended = threading.Semaphore(0)

    def meet(number: int) -> None:
        if number:
            ended.release()
            return
        for _ in range(4 * TEAMS - 1):
            assert ended.acquire(timeout=PATIENCE_S)

    run = start(small_data, tmp_path / "run", Counted(meet), 2)
    assert len(run.read_rows(Attempt)) == 4 * TEAMS


@pytest.mark.parametrize("parallel", [3, 16])
def test_what_is_kept_does_not_depend_on_how_many_run_at_a_time(
    small_data: Path, tmp_path: Path, parallel: int
) -> None:
    runs = [
        start(small_data, tmp_path / f"run{slots}", Counted(lambda _: None), slots)
        for slots in (1, parallel)
    ]
    tables = [(run.root / "runs.csv").read_bytes() for run in runs]
    assert tables[0] == tables[1]
    assert runs[0].journal_sha256() == runs[1].journal_sha256()


def test_times_of_several_at_a_time_are_never_called_fair(small_data: Path, tmp_path: Path) -> None:
    document = start(small_data, tmp_path / "run", Counted(lambda _: None), 4).document()
    (calibration,) = document.calibration.values()
    assert (calibration.parallel, calibration.fair) == (4, False)
    assert len(calibration.samples) == 2  # before the first run and after the last
    run_submissions(
        manifest_path=small_data,
        protocol=load_protocol("cvpr24"),
        references={"later": "image"},
        root=tmp_path / "run",
        sandbox=Counted(lambda _: None),
    )
    (calibration,) = RunDirectory.open(tmp_path / "run").document().calibration.values()
    assert (calibration.parallel, calibration.fair) == (4, False)
