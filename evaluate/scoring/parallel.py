"""Many cases, in this process or in several, results in order."""

import os
from collections.abc import Sequence

from data_manifest.progress import Progress, silent
from evaluate.facts.rules import Rules
from evaluate.scoring.jobs import CaseResult, ScoringJob, score_job

__all__ = ["score_jobs"]


def score_jobs(
    jobs: Sequence[ScoringJob],
    protocol: Rules,
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
    from evaluate.scoring.workers import score_in_processes  # slow to import

    return score_in_processes(jobs, protocol, workers, progress)
