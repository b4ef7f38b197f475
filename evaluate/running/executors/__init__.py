"""Where blocks are run: one after another or several turns at a time here, or on a cluster.

An executor hands out work and passes results on. It knows no run directory: whoever asks it is the
one keeper that writes.
"""

from evaluate.running.executors.port import Executor
from evaluate.running.executors.serial import SerialExecutor
from evaluate.running.executors.threads import ThreadExecutor

__all__ = ["Executor", "SerialExecutor", "ThreadExecutor", "open_executor"]


def open_executor(parallel: int) -> Executor:
    """The executor for so many containers at a time."""
    return SerialExecutor() if parallel == 1 else ThreadExecutor(parallel)
