"""Waits for a command to end, and ends it at the first limit that it crosses."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluate.sandbox.left_outputs import excess
from evaluate.sandbox.port import Ending, Job


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReason:
    """Why a command must be ended, with the facts in words."""

    ending: Ending
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Something to look at while a command runs."""

    look: Callable[[], StopReason | None]
    every_s: float


def supervise(
    ended: threading.Event, *, started: float, timeout_s: float, checks: Sequence[Watch]
) -> StopReason | None:
    """Block until the command has ended by itself (None) or must be ended (why).

    The exit itself is awaited by a blocking call of the adapter, which sets `ended`; the interval
    of the checks therefore never rounds a measured time.

    Args:
        ended: set when the command has ended.
        started: when it started, by `time.monotonic`.
        timeout_s: wall-clock limit.
        checks: looked at in turn, each at its own interval, the first time at once.
    """
    deadline = started + timeout_s
    due = [started] * len(checks)
    while True:
        now = time.monotonic()
        if now >= deadline and not ended.is_set():
            return StopReason(ending=Ending.TIMEOUT, detail=f"not finished after {timeout_s:g} s")
        if ended.wait(max(0.0, min([deadline, *due]) - now)):
            return None
        now = time.monotonic()
        for index, check in enumerate(checks):
            if due[index] <= now:
                verdict = check.look()
                if verdict is not None:
                    return verdict
                # From now, not from when it was due: a slow look must not become a busy loop.
                due[index] = time.monotonic() + check.every_s


def too_large(job: Job) -> StopReason | None:
    """The verdict on a job whose outputs folder is over its limits, while it runs or after."""
    limits = job.limits
    reason = excess(job.outputs, output_mib=limits.output_mib, output_files=limits.output_files)
    return StopReason(ending=Ending.OUTPUT_TOO_LARGE, detail=reason) if reason else None
