"""The loop over turns: run a container on a case, judge it, make the result durable, next."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from data_manifest.errors import printable
from data_manifest.layouts import BadPrediction, open_regular_file, read_prediction
from data_manifest.manifest import Case
from data_manifest.progress import Progress, silent
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Problem, SegjudgeError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.running.plan import Plan, Turn, outstanding
from evaluate.running.profile import gpu_memory_area_mib_s, memory_area_mib_s, profile_csv
from evaluate.running.verdict import Output, judge
from evaluate.running.workspace import listing, workspace
from evaluate.sandbox import Execution, Job, Sandbox, SandboxError
from evaluate.store import RunDirectory

__all__ = ["HarnessStoppedError", "run_all"]

_GIVE_UP_AFTER = 3
_BACK_OFF_S = (1.0, 4.0)  # an engine that restarts is back in seconds
_BLOCK = 8


class HarnessStoppedError(SegjudgeError):
    """Our side failed several times in a row; what was done is kept."""


def run_all(
    plan: Plan,
    run: RunDirectory,
    sandbox: Sandbox,
    *,
    parallel: int = 1,
    progress: Progress = silent,
    between_blocks: Callable[[], None] = lambda: None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Run every outstanding turn and write each result before the next begins.

    Args:
        plan: what to run.
        run: where results go.
        sandbox: where containers run.
        parallel: containers at a time; more than one makes times incomparable.
        progress: told after every turn.
        between_blocks: called before the first turn and after every few, for the calibration.
        pause: waits, in seconds, before a run that failed on our side is tried again.

    Raises:
        HarnessStoppedError: the sandbox failed several times in a row.
        KeyboardInterrupt: passed on; what was done is kept.
    """
    journal = run.journal()
    todo = outstanding(plan, run, journal)
    total = len(plan.submissions) * len(plan.manifest.cases)
    done = total - len(todo)
    progress(done, total, "starting")
    _warm_up(plan, todo, run.token, sandbox, lambda note: progress(done, total, note))
    lock = threading.Lock()
    failures_in_a_row = 0

    def take(turn: Turn) -> None:
        nonlocal done, failures_in_a_row
        with lock:
            if failures_in_a_row >= _GIVE_UP_AFTER:
                return
            progress(done, total, f"{turn.submission.team} {turn.case.id}")
        outcome = _run_turn(plan, turn, run, sandbox, lock)
        for seconds in _BACK_OFF_S:
            if outcome is not Outcome.HARNESS_ERROR:
                break
            pause(seconds)
            outcome = _run_turn(plan, turn, run, sandbox, lock)
        with lock:
            done += 1
            failed = outcome is Outcome.HARNESS_ERROR
            failures_in_a_row = failures_in_a_row + 1 if failed else 0
            progress(done, total, f"{turn.submission.team} {turn.case.id}: {outcome}")

    for first in range(0, len(todo), _BLOCK):
        between_blocks()
        block = todo[first : first + _BLOCK]
        if parallel == 1:
            for turn in block:
                take(turn)
        else:
            with ThreadPoolExecutor(parallel) as pool:
                list(pool.map(take, block))
        if failures_in_a_row >= _GIVE_UP_AFTER:
            raise HarnessStoppedError(
                Problem(
                    where="sandbox",
                    found=f"{_GIVE_UP_AFTER} runs in a row failed on our side",
                    mend="`segjudge doctor` tells what is wrong with this machine; then give the"
                    " same command again: it continues where it was",
                )
            )
    if todo:
        between_blocks()


def _warm_up(
    plan: Plan,
    todo: Sequence[Turn],
    owner: str,
    sandbox: Sandbox,
    tell: Callable[[str], None],
) -> None:
    """One uncounted run of each image on its smallest case: file caches are warm for all alike."""
    smallest = min(plan.manifest.cases, key=lambda case: _voxels(case.shape))
    waiting = {turn.submission.team: turn.submission for turn in todo}
    for team in sorted(waiting):
        image = waiting[team].image
        if image is None:
            continue
        tell(f"warming up {team}")
        with workspace(_placing(plan, smallest), owner=owner) as folders:
            try:
                sandbox.run(image, _job(plan, folders.inputs, folders.outputs))
            except SandboxError as error:
                _pass_on_interrupt(error)  # else the counted run will say what is wrong


def _pass_on_interrupt(error: BaseException) -> None:
    """Raise the Ctrl-C that a failing clean-up has covered: a run must not go on after one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        cause = cause.__cause__ or cause.__context__


def _voxels(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _placing(plan: Plan, case: Case) -> Callable[[Path], None]:
    return partial(plan.protocol.layout.place, case, plan.data_root)


def _job(plan: Plan, inputs: Path, outputs: Path) -> Job:
    container = plan.protocol.container
    return Job(
        command=container.command,
        inputs=inputs,
        outputs=outputs,
        container_inputs=container.inputs,
        container_outputs=container.outputs,
        limits=plan.protocol.limits,
        profile_hz=plan.protocol.measurement.profile_hz,
    )


def _run_turn(
    plan: Plan, turn: Turn, run: RunDirectory, sandbox: Sandbox, lock: threading.Lock
) -> Outcome:
    """One run, its judgement, and its entry in the ledger."""
    image = turn.submission.image
    name = plan.protocol.output.name(turn.case.id)
    with lock:
        attempt = run.begin(
            team=turn.submission.team,
            case=turn.case.id,
            round_number=0,
            job_sha256=turn.job_sha256,
        )

    def keep(
        outcome: Outcome, reason: str, execution: Execution | None, outputs: Path | None
    ) -> Outcome:
        stream = open_regular_file(outputs / name, within=outputs) if outputs else None
        try:
            with lock:
                run.keep(
                    _record(plan, turn, outcome, reason, execution),
                    attempt=attempt,
                    job_sha256=turn.job_sha256,
                    sandbox=execution.options if execution else {},
                    prediction=stream,
                    log=execution.log if execution else b"",
                    profile=profile_csv(execution.profile)
                    if execution and execution.profile
                    else None,
                )
        finally:
            if stream:
                stream.close()
        return outcome

    if image is None:
        return keep(Outcome.IMAGE_ERROR, turn.submission.problem, None, None)
    with workspace(_placing(plan, turn.case), owner=run.token) as folders:
        try:
            execution = sandbox.run(image, _job(plan, folders.inputs, folders.outputs))
        except SandboxError as error:
            _pass_on_interrupt(error)
            return keep(Outcome.HARNESS_ERROR, printable(str(error)), None, None)
        path = folders.outputs / name
        limits = plan.protocol.limits
        outcome, reason = judge(
            execution, _look_at(path, folders.outputs, turn.case, plan.protocol), limits, name
        )
        # Only an output that counts is kept: nothing of a failed run can ever be scored.
        kept = folders.outputs if outcome is Outcome.OK else None
        return keep(outcome, reason, execution, kept)


def _look_at(path: Path, outputs: Path, case: Case, protocol: Rules) -> Output:
    if not os.path.lexists(path):
        return Output(present=False, others=listing(outputs))
    prediction = read_prediction(
        path,
        output=protocol.output,
        shape=case.shape,
        spacing_mm=case.spacing_mm,
        max_bytes=protocol.limits.output_mib << 20,
        within=outputs,
    )
    problem = prediction.reason if isinstance(prediction, BadPrediction) else ""
    return Output(present=True, problem=problem)


def _record(
    plan: Plan, turn: Turn, outcome: Outcome, reason: str, execution: Execution | None
) -> Attempt:
    return Attempt(
        team=turn.submission.team,
        case=turn.case.id,
        round=0,
        outcome=outcome,
        reason=reason,
        exit_code=execution.exit_code if execution else None,
        wall_s=execution.wall_s if execution else None,
        cpu_s=execution.cpu_s if execution else None,
        peak_memory_mib=execution.peak_memory_mib if execution else None,
        measured_by=execution.measured_by if execution else "",
        started_at=execution.started_at if execution else datetime.now(UTC).isoformat(),
        startup_s=execution.startup_s if execution else None,
        **_areas(execution),
        machine=plan.machine_key,
        rules_sha256=plan.rules_sha256,
    )


def _areas(execution: Execution | None) -> dict[str, float | None]:
    """Under the curves of the profile, where one was asked for."""
    if execution is None or not execution.profile:
        return {}
    return {
        "cpu_area_percent_s": None if execution.cpu_s is None else 100 * execution.cpu_s,
        "memory_area_mib_s": memory_area_mib_s(execution.profile, execution.wall_s),
        "gpu_memory_area_mib_s": gpu_memory_area_mib_s(execution.profile, execution.wall_s),
    }
