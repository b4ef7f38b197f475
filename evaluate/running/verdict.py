"""Whose failure it is, as a pure function of what happened, and what to tell the team."""

from dataclasses import dataclass

from data_manifest.errors import printable
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Limits
from evaluate.sandbox import Ending, Execution

__all__ = ["Output", "judge"]

_HINTS = (
    (b"No module named", "a Python package is missing in the image"),
    (
        b"Read-only file system",
        "it writes outside the outputs folder and /tmp; the rest is read-only",
    ),
    (b"Permission denied", "a file can't be opened; it runs as an unprivileged user"),
    (b"No space left on device", "a folder is full; /tmp is small and in memory"),
    (b"Temporary failure in name resolution", "it wants the network; there is none"),
    (b"Network is unreachable", "it wants the network; there is none"),
    (b"CUDA", "it wants a GPU; there is none"),
    (b"MemoryError", "it asked for more memory than the limit"),
    (b"predict.sh: No such file", "the image's working directory has no predict.sh"),
    (b"can't open 'predict.sh'", "the image's working directory has no predict.sh"),
    (b"cannot open predict.sh", "the image's working directory has no predict.sh"),
    (b"exec format error", "the image is for another processor architecture"),
)
_LOG_TAIL = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What lies in the outputs folder afterwards.

    Attributes:
        present: whether the case's file is there.
        problem: why it is no valid prediction; empty if it is one.
        others: names of other files there, unescaped.
    """

    present: bool
    problem: str = ""
    others: tuple[str, ...] = ()


def judge(
    execution: Execution, output: Output, limits: Limits, expected: str
) -> tuple[Outcome, str]:
    """The outcome of one run, and its reason in words (empty if ok).

    A log line never changes the outcome; it only adds a hint to the reason.

    Args:
        execution: what the sandbox saw.
        output: what it left.
        limits: the protocol's.
        expected: name of the file that it should have left.
    """
    detail = f" ({execution.detail})" if execution.detail else ""
    said = _explain(execution.log)
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


def _explain(log: bytes) -> str:
    """The last line of the log and a hint, as far as there are any."""
    tail = log[-_LOG_TAIL:]
    lines = [line.strip() for line in tail.split(b"\n") if line.strip()]
    last = printable(lines[-1].decode("utf-8", "replace"))[:300] if lines else ""
    hint = next((hint for pattern, hint in _HINTS if pattern in tail), "")
    return (f"; {hint}" if hint else "") + (f"; its last line: {last}" if last else "")
