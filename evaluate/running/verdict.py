"""Whose failure it is, as a pure function of what happened, and what to tell the team."""

from dataclasses import dataclass

from data_manifest.errors import printable
from evaluate.facts.outcome import Outcome
from evaluate.facts.run_rules import Limits
from evaluate.running.hints import explain, last_line
from evaluate.sandbox import Ending, Execution

_MUCH = 0.1
"""Of the time that it took: from here on a limit of CPUs is part of why it took so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What lies in the outputs folder afterwards."""

    present: bool
    problem: str = ""
    others: tuple[str, ...] = ()


def judge(
    execution: Execution, output: Output, limits: Limits, expected: str
) -> tuple[Outcome, str]:
    """The outcome of one run, and its reason in words (empty if ok).

    A log line never changes the outcome; it only adds a hint to the reason.
    """
    detail = f" ({execution.detail})" if execution.detail else ""
    said = _said(execution, limits)
    match execution.ending:
        case Ending.TIMEOUT:
            reason = f"stopped at the time limit of {limits.timeout_s:g} s{detail}"
            return Outcome.TIMEOUT, reason + said
        case Ending.OUT_OF_MEMORY:
            reason = f"went over the memory limit of {limits.memory_mib} MiB{detail}"
            return Outcome.OUT_OF_MEMORY, reason + said
        case Ending.OUTPUT_TOO_LARGE:
            reason = f"wrote more than {limits.output_mib} MiB or {limits.output_files} files"
            return Outcome.OUTPUT_TOO_LARGE, reason + detail + said
        case Ending.REFUSED:
            return Outcome.IMAGE_ERROR, execution.detail
        case Ending.EXITED:
            pass
    if execution.exit_code != 0:
        reason = f"exit code {execution.exit_code}{detail}{said}"
        return Outcome.NONZERO_EXIT, reason
    if not output.present:
        there = ", ".join(printable(name) for name in output.others[:5]) or "nothing"
        return (
            Outcome.NO_OUTPUT,
            f"left no {expected} in the outputs folder (found: {there}){said}",
        )
    if output.problem:
        return Outcome.BAD_OUTPUT, output.problem + said
    return Outcome.OK, ""


def _said(execution: Execution, limits: Limits) -> str:
    """What the kernel has counted, a hint, and the log's last line, as far as there are any."""
    parts = []
    if execution.memory_kill and execution.ending is not Ending.OUT_OF_MEMORY:
        parts.append("the kernel ended a process for memory")
    held_s = execution.throttled_s or 0.0
    if execution.ending is Ending.TIMEOUT and held_s > _MUCH * execution.wall_s:
        parts.append(f"the limit of {limits.cpus:g} CPUs held its threads back for {held_s:.0f} s")
    why = explain(
        execution.log,
        gpus=limits.gpus,
        covered=execution.covered,
        exit_code=execution.exit_code,
    )
    if why is not None:
        parts.append(str(why))
    last = last_line(execution.log)
    if last:
        parts.append(f"its last line: {last}")
    return "".join(f"; {part}" for part in parts)
