"""Many cases, in this process or in several, results as they come or in order."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from data_manifest.progress import Progress, silent
from evaluate.facts.rules import Rules
from evaluate.scoring.jobs import CaseResult, ScoringJob, score_together

if TYPE_CHECKING:
    from evaluate.cluster import ClusterAddress

_SMALL_BYTES = 1 << 16
"""References of this size in all are scored before a process has started."""


def score_as_they_come(
    jobs: Sequence[ScoringJob],
    protocol: Rules,
    *,
    workers: int | None = None,
    cluster: "ClusterAddress | None" = None,
    progress: Progress = silent,
    before: int = 0,
) -> Iterator[tuple[int, CaseResult]]:
    """Score cases, each with all its teams and rounds when a process is free for it.

    Small ones are all scored in this process; `workers` is one a core by default, as far as there
    is work for them.

    Yields:
        Each job's number, from 0, and its result.

    Raises:
        CaseFileError: a reference can't be read.
    """
    workers = min(workers or _worth(jobs), len(jobs))
    total = before + len(jobs)
    progress(before, total, "scoring")
    results: Iterator[tuple[int, CaseResult]]
    if cluster is not None:
        from evaluate.scoring.far_scoring import score_on_machines  # it brings dask

        results = score_on_machines(jobs, protocol, cluster)
    elif workers <= 1:
        order = [index for piece in _pieces(jobs, len(jobs)) for index in piece]
        results = zip(order, score_together((jobs[i] for i in order), protocol), strict=True)
    else:
        from evaluate.scoring.workers import score_in_processes  # slow to import

        pieces = _pieces(jobs, -(-len(jobs) // (2 * workers)))
        results = score_in_processes(jobs, pieces, protocol, workers)
    for done, (index, result) in enumerate(results, start=before + 1):
        progress(done, total, f"{jobs[index].team} {jobs[index].case}")
        yield index, result


def _pieces(jobs: Sequence[ScoringJob], most: int) -> list[list[int]]:
    """The jobs' numbers, those of one reference together, but for pieces of at most this many."""
    by_truth: dict[object, list[int]] = {}
    for index, job in enumerate(jobs):
        by_truth.setdefault(job.truth, []).append(index)
    return [its[at : at + most] for its in by_truth.values() for at in range(0, len(its), most)]


def score_jobs(
    jobs: Sequence[ScoringJob],
    protocol: Rules,
    *,
    workers: int | None = None,
    progress: Progress = silent,
) -> list[CaseResult]:
    """Score cases; one result a job, in the jobs' order. Arguments as `score_as_they_come`."""
    results = dict(score_as_they_come(jobs, protocol, workers=workers, progress=progress))
    return [results[index] for index in range(len(jobs))]


def _worth(jobs: Sequence[ScoringJob]) -> int:
    """How many processes are worth their start, a second of a core each."""
    size = 0
    for job in jobs:
        with suppress(OSError):
            size += job.reference.stat().st_size
        if size > _SMALL_BYTES:
            return os.cpu_count() or 1
    return 1
