"""Cases in worker processes; a worker that dies takes one case with it.

A module of its own, so that scoring in one process does not wait for what it imports.
"""

import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context

from evaluate.facts.rules import Rules
from evaluate.scoring.jobs import CaseResult, ScoringJob, score_job, unscored

_MOST_ON_WINDOWS = 61
"""Python's own limit there: Windows waits for no more at a time."""


def score_in_processes(
    jobs: Sequence[ScoringJob], protocol: Rules, workers: int
) -> Iterator[tuple[int, CaseResult]]:
    """Each job's number and result, as they come.

    When a worker dies, the jobs that may have been with it are tried again, alone.
    """
    waiting = list(range(len(jobs)))
    while waiting:
        done = set[int]()
        for index, result in _until_a_worker_dies(jobs, waiting, protocol, workers):
            done.add(index)
            yield index, result
        # The pool hands out jobs in order: whatever was under way is among the first ones left.
        left = [index for index in waiting if index not in done]
        for index in left[: 2 * workers + 1]:
            yield index, _alone(jobs[index], protocol)
        waiting = left[2 * workers + 1 :]


def _until_a_worker_dies(
    jobs: Sequence[ScoringJob], indices: Sequence[int], protocol: Rules, workers: int
) -> Iterator[tuple[int, CaseResult]]:
    pool = process_pool(workers)
    try:
        futures = {pool.submit(score_job, jobs[index], protocol): index for index in indices}
        for future in as_completed(futures):
            with suppress(BrokenProcessPool):
                yield futures[future], future.result()
    except BrokenProcessPool:
        return  # a worker died while jobs were still being handed in
    finally:
        pool.shutdown(cancel_futures=True)


def _alone(job: ScoringJob, protocol: Rules) -> CaseResult:
    """Score one case in a process of its own, so that its death is its own."""
    with process_pool(1) as pool:
        try:
            return pool.submit(score_job, job, protocol).result()
        except BrokenProcessPool:
            return unscored(job, "the scoring process died on this case (out of memory?)")


def process_pool(workers: int) -> ProcessPoolExecutor:
    """So many processes, which leave Ctrl-C to the command."""
    return ProcessPoolExecutor(
        min(workers, _MOST_ON_WINDOWS) if sys.platform == "win32" else workers,
        # A fork of a process with threads (progress bars, an engine's client) may hang.
        mp_context=get_context("spawn"),
        # Ctrl-C is for the command; its workers end with it, without a word of their own.
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
