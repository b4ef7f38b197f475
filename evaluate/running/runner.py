"""The loop over blocks: an executor makes attempts, and the one keeper writes each as it comes."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from data_manifest.progress import Progress, silent
from evaluate.documents.run_status import MachineStatus, RunStatus
from evaluate.facts.errors import SegjudgeError
from evaluate.facts.machine import Machine
from evaluate.facts.outcome import Outcome
from evaluate.facts.turns import Turn
from evaluate.running.attempting import Made, Slot
from evaluate.running.calibration import LoadTime, time_load
from evaluate.running.executors import Executor, open_executor
from evaluate.running.plan import Block, Plan, Series, outstanding
from evaluate.sandbox import Sandbox
from evaluate.sandbox.scratch import scratch_folder
from evaluate.store import RunDirectory

if TYPE_CHECKING:
    from evaluate.cluster.fleet import Fleet

_GIVE_UP_AFTER = 3
_STATUS_EVERY_S = 2.0
_CALIBRATE_AFTER = 8
"""Series between two calibrations, at least: the load takes a quarter of a second."""


class HarnessStoppedError(SegjudgeError):
    """Our side failed several times in a row; what was done is kept."""


def run_all(
    plan: Plan,
    run: RunDirectory,
    sandbox: Sandbox,
    *,
    parallel: int = 1,
    fleet: "Fleet | None" = None,
    progress: Progress = silent,
    calibrated: Callable[[Machine, LoadTime, int], None] = lambda *_: None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Make every outstanding attempt and write each as it comes.

    Args:
        plan: what to run.
        run: where results go.
        sandbox: where containers run.
        parallel: containers at a time; more than one makes times incomparable.
        fleet: an open cluster, on which to make them; None for this machine.
        progress: told after every run.
        calibrated: told what the load took on a machine, and of its slots: before the first block
            and after the last, when nothing runs; with one container at a time also between blocks.
            With several the load would measure how much they disturb it, and to stop them all for
            it would leave slots idle. On a cluster before each block, on its machine.
        pause: waits, in seconds, before a run that failed on our side is tried again.

    Raises:
        HarnessStoppedError: the sandbox failed several times in a row.
        ClusterError: the cluster is gone, or has no machine that can do it.
        KeyboardInterrupt: passed on; what was done is kept.
    """
    todo = outstanding(plan, run)
    with _Keeper(plan, run, todo, progress) as keeper:
        slot = Slot(plan, sandbox, owner=run.token, pause=pause)
        if todo and fleet is not None:
            _on_a_cluster(plan, todo, keeper, slot, fleet, calibrated)
        elif todo:
            _on_this_machine(plan, todo, keeper, slot, parallel, calibrated)


def _on_this_machine(
    plan: Plan,
    todo: Sequence[Block],
    keeper: "_Keeper",
    slot: Slot,
    parallel: int,
    calibrated: Callable[[Machine, LoadTime, int], None],
) -> None:
    waiting = {series.submission.team: series.submission for b in todo for series in b.series}
    for team, submission in sorted(waiting.items()):
        if submission.image is not None:
            keeper.tell(f"warming up {team}")
            slot.warm_up(submission.image)

    def calibrate() -> None:
        calibrated(plan.machine, time_load(), parallel)

    executor = open_executor(parallel)
    calibrate()
    _keep_all(
        executor, _with_pauses(todo, calibrate) if executor.slots == 1 else todo, keeper, slot
    )
    calibrate()


def _keep_all(executor: Executor, blocks: Iterable[Block], keeper: "_Keeper", slot: Slot) -> None:
    for made in executor.run(blocks, begin=keeper.begin, make=slot.make):
        keeper.keep(made)


def _on_a_cluster(
    plan: Plan,
    todo: Sequence[Block],
    keeper: "_Keeper",
    slot: Slot,
    fleet: "Fleet",
    calibrated: Callable[[Machine, LoadTime, int], None],
) -> None:
    from evaluate.running.executors.dask_blocks import ClusterExecutor  # it brings dask

    with scratch_folder() as packed:
        executor = ClusterExecutor(
            fleet, plan, token=keeper.token, packed=packed, calibrated=calibrated, tell=keeper.tell
        )
        keeper.watch(executor.machines, fleet.dashboard)
        _keep_all(executor, todo, keeper, slot)


def _with_pauses(blocks: Sequence[Block], calibrate: Callable[[], None]) -> Iterator[Block]:
    since = 0
    for block in blocks:
        if since >= _CALIBRATE_AFTER:
            calibrate()
            since = 0
        yield block
        since += len(block.series)


class _Keeper:
    """The one that writes: what begins, and what was made. Only one thread may use it."""

    def __init__(
        self, plan: Plan, run: RunDirectory, todo: Sequence[Block], progress: Progress
    ) -> None:
        self._run, self._progress, self._cases = run, progress, len(plan.manifest.cases)
        rounds = sum(len(plan.protocol.rounds.of(case)) for case in plan.manifest.cases)
        left = {turn for block in todo for series in block.series for turn in series.turns}
        self._total = len(plan.submissions) * rounds
        self._done = self._before = self._total - len(left)
        self._left = Counter(turn.case for turn in left)
        self._begun: dict[Turn, tuple[int, Sequence[Turn]]] = {}
        self._failed_in_a_row: list[str] = []
        self._waiting = Counter(s.submission.team for block in todo for s in block.series)
        teams = {submission.team for submission in plan.submissions}
        self._failures = Counter(
            outcome
            for turn, _, outcome, _ in run.results()
            if turn.team in teams and turn not in left and outcome != Outcome.OK
        )
        self._machines: Mapping[str, MachineStatus] = {}
        self._dashboard, self._began_at, self._told_at_s = "", datetime.now(UTC), 0.0
        self.token = run.token

    def watch(self, machines: Mapping[str, MachineStatus], dashboard: str) -> None:
        """The machines of a cluster, as they are from now on."""
        self._machines, self._dashboard = machines, dashboard

    def tell(self, note: str) -> None:
        """How far it is."""
        up = sum(machine.state == "up" for machine in self._machines.values())
        said = f"{note}, {up} of {len(self._machines)} machines" if self._machines else note
        self._progress(self._done, self._total, said)
        if time.monotonic() - self._told_at_s > _STATUS_EVERY_S:
            self._write_status(note)

    def __enter__(self) -> "_Keeper":
        self.tell("starting")
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        with suppress(*() if error is None else (OSError,)):  # its disk may be why it stopped
            self._write_status("", finished=error is None)

    def _write_status(self, note: str, *, finished: bool = False) -> None:
        self._told_at_s = time.monotonic()
        self._run.write_status(
            RunStatus(
                began_at=self._began_at.isoformat(timespec="seconds"),
                updated_at=datetime.now(UTC).isoformat(timespec="seconds"),
                finished=finished,
                runs=self._total,
                done=self._done,
                before=self._before,
                blocks=self._cases,
                blocks_done=self._cases - sum(left > 0 for left in self._left.values()),
                failures=dict(sorted(self._failures.items())),
                machines=tuple(self._machines.values()),
                dashboard=self._dashboard,
                note=note,
            )
        )

    def begin(self, series: Series) -> None:
        """Note that a series begins."""
        self.tell(f"{series.submission.team} {series.case.id}")
        self._waiting[series.submission.team] -= 1
        self._begin(series.turns, series.job_sha256)

    def _begin(self, turns: Sequence[Turn], job_sha256: str) -> None:
        """Note the first of a series' turns that are left."""
        number = self._run.begin(turns[0], job_sha256=job_sha256)
        self._begun[turns[0]] = (number, turns[1:])

    def keep(self, made: Made) -> None:
        """Make an attempt durable, and note that the next round begins.

        Raises:
            HarnessStoppedError: so many failed in a row that the next would, too.
        """
        number, turns = self._begun.pop(made.turn)
        self._run.keep(
            made.attempt,
            number=number,
            job_sha256=made.job_sha256,
            options=made.options,
            prediction=made.prediction,
            log=made.log,
            profile=made.profile,
        )
        self._done += 1
        self._left[made.turn.case] -= 1
        last = made.attempt
        self._failures.update([str(last.outcome)] if last.outcome is not Outcome.OK else [])
        failed = last.outcome is Outcome.HARNESS_ERROR
        if turns and not failed:
            self._begin(turns, made.next_job_sha256)
        self._failed_in_a_row = [*self._failed_in_a_row, last.team] if failed else []
        self.tell(f"{last.team} {last.case}: {last.outcome}")
        if len(self._failed_in_a_row) >= _GIVE_UP_AFTER and self._is_hopeless():
            raise HarnessStoppedError(
                where="sandbox",
                found=f"{len(self._failed_in_a_row)} runs in a row failed on our side",
                mend="`segjudge doctor` tells what is wrong with this machine; then give the"
                " same command again: it continues where it was",
            )

    def _is_hopeless(self) -> bool:
        """Not while one team's alone have failed, and another's wait: these may well run."""
        teams = set(self._failed_in_a_row)
        others = any(count > 0 for team, count in self._waiting.items() if team not in teams)
        return len(teams) > 1 or not others
