"""Cases in worker processes; a worker that dies takes one team's case with it.

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
from evaluate.scoring.jobs import (
    CaseResult,
    ScoringJob,
    score_job,
    score_together,
    unscored,
)

_MOST_ON_WINDOWS = 61
"""Python's own limit there: Windows waits for no more at a time."""


def score_in_processes(
    jobs: Sequence[ScoringJob], pieces: Sequence[Sequence[int]], protocol: Rules, workers: int
) -> Iterator[tuple[int, CaseResult]]:
    """Each job's number and result, as they come.

    When a worker dies, the pieces that may have been with it are tried again, job by job.

    Args:
        jobs: all of them.
        pieces: numbers of jobs that a process scores together.
        protocol: the rules.
        workers: processes.
    """
    waiting = list(range(len(pieces)))
    while waiting:
        done = set[int]()
        for piece, results in _until_a_worker_dies(jobs, pieces, waiting, protocol, workers):
            done.add(piece)
            yield from zip(pieces[piece], results, strict=True)
        # The pool hands out pieces in order: what was under way is among the first ones left.
        left = [piece for piece in waiting if piece not in done]
        doubtful, waiting = left[: 2 * workers + 1], left[2 * workers + 1 :]
        yield from _one_by_one(jobs, [i for piece in doubtful for i in pieces[piece]], protocol)


def _until_a_worker_dies(
    jobs: Sequence[ScoringJob],
    pieces: Sequence[Sequence[int]],
    waiting: Sequence[int],
    protocol: Rules,
    workers: int,
) -> Iterator[tuple[int, list[CaseResult]]]:
    pool = process_pool(workers)
    try:
        futures = {
            pool.submit(_score_piece, [jobs[i] for i in pieces[piece]], protocol): piece
            for piece in waiting
        }
        for future in as_completed(futures):
            with suppress(BrokenProcessPool):
                yield futures[future], future.result()
    except BrokenProcessPool:
        return  # a worker died while pieces were still being handed in
    finally:
        pool.shutdown(cancel_futures=True)


def _score_piece(jobs: Sequence[ScoringJob], protocol: Rules) -> list[CaseResult]:
    return list(score_together(jobs, protocol))


def _one_by_one(
    jobs: Sequence[ScoringJob], indices: Sequence[int], protocol: Rules
) -> Iterator[tuple[int, CaseResult]]:
    """Score jobs in one process, and in a new one after each that it died of."""
    waiting = list(indices)
    while waiting:
        with process_pool(1) as pool:
            try:
                while waiting:
                    result = pool.submit(score_job, jobs[waiting[0]], protocol).result()
                    yield waiting.pop(0), result
            except BrokenProcessPool:
                fault = "the scoring process died on this case (out of memory?)"
                index = waiting.pop(0)
                yield index, unscored(jobs[index], fault)


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
