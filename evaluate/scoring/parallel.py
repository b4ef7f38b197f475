"""Many cases in worker processes, results in order; a worker that dies takes one case with it."""

import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from data_manifest.progress import Progress, silent
from evaluate.protocol import Protocol
from evaluate.scoring.jobs import CaseResult, ScoringJob, score_job, unscored

__all__ = ["score_jobs"]


def score_jobs(
    jobs: Sequence[ScoringJob],
    protocol: Protocol,
    *,
    workers: int | None = None,
    progress: Progress = silent,
) -> list[CaseResult]:
    """Score cases.

    Args:
        jobs: what to score.
        protocol: the rules.
        workers: processes; None for one a CPU; 1 scores in this process.
        progress: told after every case.

    Returns:
        One result a job, in the jobs' order.

    Raises:
        CaseFileError: a reference can't be read; nothing is written then.
    """
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    progress(0, len(jobs), "scoring")
    if workers <= 1:
        results = []
        for done, job in enumerate(jobs, start=1):
            results.append(score_job(job, protocol))
            progress(done, len(jobs), f"{job.team} {job.case}")
        return results
    return _in_processes(jobs, protocol, workers, progress)


def _in_processes(
    jobs: Sequence[ScoringJob], protocol: Protocol, workers: int, progress: Progress
) -> list[CaseResult]:
    results: dict[int, CaseResult] = {}
    # spawn: a fork of a process with threads (progress bars, an engine's client) may hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures: dict[Future[CaseResult], int] = {
            pool.submit(score_job, job, protocol): index for index, job in enumerate(jobs)
        }
        for future in as_completed(futures):
            index = futures[future]
            try:
                results[index] = future.result()
            except BrokenProcessPool:
                continue  # every case that was under way is tried again, alone
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            progress(len(results), len(jobs), f"{jobs[index].team} {jobs[index].case}")
    for index, job in enumerate(jobs):
        if index not in results:
            results[index] = _alone(job, protocol)
            progress(len(results), len(jobs), f"{job.team} {job.case}")
    return [results[index] for index in range(len(jobs))]


def _alone(job: ScoringJob, protocol: Protocol) -> CaseResult:
    """Score one case in a process of its own, so that its death is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(score_job, job, protocol).result()
        except BrokenProcessPool:
            return unscored(job, "the scoring process died on this case (out of memory?)")
