"""A failure on our side is tried again after a pause; one of the team's is not."""

from pathlib import Path
from typing import Any

import pytest

from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Finding
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import load_protocol
from evaluate.facts.run_rules import Limits
from evaluate.running import HarnessStoppedError
from evaluate.running.stage import run_submissions
from evaluate.sandbox import Ending, Execution, Image, Job, SandboxError
from evaluate.store import RunDirectory


class Flaky:
    """A sandbox whose runs fail on our side as planned, and then leave no output."""

    name = "flaky"
    isolated = False

    def __init__(self, failing: range) -> None:
        self.failing = failing
        self.runs = 0

    def describe(self) -> dict[str, Any]:
        return {"not_enforced": []}

    def prepare(self, reference: str, *, limits: Limits) -> Image:
        return Image(
            reference=reference, digest="0", kind="reference", handle=reference, details={}
        )

    def run(self, image: Image, job: Job) -> Execution:
        self.runs += 1
        if self.runs in self.failing:
            raise SandboxError(Finding(where="engine", found="does not answer"))
        return Execution(
            ending=Ending.EXITED,
            exit_code=0,
            wall_s=1.0,
            cpu_s=None,
            peak_memory_mib=None,
            measured_by="",
            started_at="2026-01-01T00:00:00+00:00",
            log=b"",
            options={},
        )

    def release(self, image: Image) -> None: ...

    def close(self) -> None: ...


def start(sandbox: Flaky, data: Path, root: Path) -> list[float]:
    pauses: list[float] = []
    run_submissions(
        manifest_path=data,
        protocol=load_protocol("cvpr24"),
        references={"team": "image"},
        root=root,
        sandbox=sandbox,
        pause=pauses.append,
    )
    return pauses


def test_a_failure_on_our_side_that_passes_costs_the_team_nothing(
    small_data: Path, tmp_path: Path
) -> None:
    sandbox = Flaky(range(2, 4))  # the first is the warm-up
    pauses = start(sandbox, small_data, tmp_path / "run")
    rows = RunDirectory(tmp_path / "run").read_rows(Attempt)
    assert [row.outcome for row in rows] == [Outcome.NO_OUTPUT] * 4
    assert pauses == sorted(pauses) and len(pauses) == 2
    assert sandbox.runs == 1 + 4 + 2


def test_one_that_stays_stops_the_run_and_the_same_command_goes_on(
    small_data: Path, tmp_path: Path
) -> None:
    with pytest.raises(HarnessStoppedError):
        start(Flaky(range(1, 1000)), small_data, tmp_path / "run")
    rows = RunDirectory(tmp_path / "run").read_rows(Attempt)
    assert {row.outcome for row in rows} == {Outcome.HARNESS_ERROR}
    start(Flaky(range(0)), small_data, tmp_path / "run")
    rows = RunDirectory(tmp_path / "run").read_rows(Attempt)
    assert [row.outcome for row in rows] == [Outcome.NO_OUTPUT] * 4


class Picky(Flaky):
    """Its runs of one image fail on our side, always."""

    def run(self, image: Image, job: Job) -> Execution:
        if image.handle == "unlucky":
            raise SandboxError(Finding(where="engine", found="does not answer"))
        return super().run(image, job)


def test_one_team_s_failures_on_our_side_end_no_other_team_s_run(
    small_data: Path, tmp_path: Path
) -> None:
    """The other's last case waits behind three that fail in a row."""
    start(Flaky(range(5, 8)), small_data, tmp_path / "run")
    rows = RunDirectory(tmp_path / "run").read_rows(Attempt)
    assert [row.outcome for row in rows].count(Outcome.HARNESS_ERROR) == 1
    run_submissions(
        manifest_path=small_data,
        protocol=load_protocol("cvpr24"),
        references={"team": "image", "a-rival": "unlucky"},
        root=tmp_path / "run",
        sandbox=Picky(range(0)),
        pause=lambda _: None,
    )
    rows = RunDirectory(tmp_path / "run").read_rows(Attempt)
    outcomes = {row.team: set[Outcome]() for row in rows}
    for row in rows:
        outcomes[row.team].add(row.outcome)
    assert outcomes == {"team": {Outcome.NO_OUTPUT}, "a-rival": {Outcome.HARNESS_ERROR}}


class Interrupted(Flaky):
    """Ctrl-C comes during a failing run: the removal of its container fails then."""

    def run(self, image: Image, job: Job) -> Execution:
        if self.runs + 1 not in self.failing:
            return super().run(image, job)
        try:
            raise KeyboardInterrupt
        finally:
            super().run(image, job)


@pytest.mark.parametrize("at", [1, 2], ids=["the warm-up", "a run"])
def test_ctrl_c_is_one_even_if_cleaning_up_after_it_fails(
    at: int, small_data: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        start(Interrupted(range(at, at + 1)), small_data, tmp_path / "run")
