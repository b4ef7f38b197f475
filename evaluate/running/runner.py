"""The loop over blocks: an executor makes attempts, and the one keeper writes each as it comes."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from data_manifest.progress import Progress, silent
from evaluate.facts.errors import SegjudgeError
from evaluate.facts.outcome import Outcome
from evaluate.facts.turns import Turn
from evaluate.running.attempting import Made, Slot
from evaluate.running.executors import open_executor
from evaluate.running.plan import Block, Plan, Series, outstanding
from evaluate.sandbox import Sandbox
from evaluate.store import RunDirectory

__all__ = ["HarnessStoppedError", "run_all"]

_GIVE_UP_AFTER = 3
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
    progress: Progress = silent,
    calibrate: Callable[[], None] = lambda: None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Make every outstanding attempt and write each as it comes.

    Args:
        plan: what to run.
        run: where results go.
        sandbox: where containers run.
        parallel: containers at a time; more than one makes times incomparable.
        progress: told after every run.
        calibrate: called before the first block and after the last, when nothing runs; with one
            container at a time also between blocks. With several the load would measure how much
            they disturb it, and to stop them all for it would leave slots idle.
        pause: waits, in seconds, before a run that failed on our side is tried again.

    Raises:
        HarnessStoppedError: the sandbox failed several times in a row.
        KeyboardInterrupt: passed on; what was done is kept.
    """
    todo = outstanding(plan, run)
    rounds = sum(len(plan.protocol.rounds.of(case)) for case in plan.manifest.cases)
    total = len(plan.submissions) * rounds
    left = sum(len(series.turns) for block in todo for series in block.series)
    keeper = _Keeper(run, todo, total=total, done=total - left, progress=progress)
    keeper.tell("starting")
    slot = Slot(plan, sandbox, owner=run.token, pause=pause)
    waiting = {series.submission.team: series.submission for b in todo for series in b.series}
    for team, submission in sorted(waiting.items()):
        if submission.image is not None:
            keeper.tell(f"warming up {team}")
            slot.warm_up(submission.image)
    if not todo:
        return
    executor = open_executor(parallel)
    calibrate()
    blocks = _with_pauses(todo, calibrate) if executor.slots == 1 else todo
    for made in executor.run(blocks, begin=keeper.begin, make=slot.make):
        keeper.keep(made)
    calibrate()


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
        self,
        run: RunDirectory,
        todo: Sequence[Block],
        *,
        total: int,
        done: int,
        progress: Progress,
    ) -> None:
        self._run, self._total, self._done, self._progress = run, total, done, progress
        self._begun: dict[Turn, tuple[int, Sequence[Turn]]] = {}
        self._waiting = Counter(s.submission.team for block in todo for s in block.series)
        self._failed_in_a_row: list[str] = []

    def tell(self, note: str) -> None:
        """How far it is."""
        self._progress(self._done, self._total, note)

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
        last = made.attempt
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
        others = any(count for team, count in self._waiting.items() if team not in teams)
        return len(teams) > 1 or not others
