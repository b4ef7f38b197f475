"""Scores that were made before are taken again; only what is new is scored."""

from collections.abc import Iterator, Sequence

import msgspec

from data_manifest.progress import Progress, silent
from evaluate.cluster import ClusterAddress
from evaluate.facts.machine import library_versions
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.scoring.case_scores import CaseMeasures
from evaluate.scoring.jobs import CaseResult, ScoringJob, result_of, score_job
from evaluate.scoring.parallel import score_as_they_come
from evaluate.store.score_cache import ScoreCache, score_key
from evaluate.store.sealing import SCORING_CODE, code_digests
from metrics import METRICS


def score_what_is_new(
    jobs: Sequence[ScoringJob],
    protocol: Rules,
    cache: ScoreCache,
    *,
    workers: int | None = None,
    cluster: ClusterAddress | None = None,
    progress: Progress = silent,
) -> Iterator[CaseResult]:
    """Score what the cache has not, then hand over all results in the jobs' order, one by one.

    Raises:
        CaseFileError: a reference can't be read.
    """
    made_by = _made_by(protocol)
    keys = [_key(job, made_by) for job in jobs]
    there = cache.known(key for key in keys if key is not None)
    # Equal files of two teams, or two failures of one case, are scored once.
    firsts = {key: number for number, key in reversed(list(enumerate(keys))) if key is not None}
    new = [
        number
        for number, key in enumerate(keys)
        if key is None or (key not in there and firsts[key] == number)
    ]
    kept: dict[int, CaseResult] = {}
    scored = score_as_they_come(
        [jobs[number] for number in new],
        protocol,
        workers=workers,
        cluster=cluster,
        progress=progress,
        before=len(jobs) - len(new),
    )
    for index, result in scored:
        key = keys[new[index]]
        scorable = key is not None and result.case.outcome is not Outcome.HARNESS_ERROR
        if not (key and scorable and cache.put(key, msgspec.msgpack.encode(result.measures))):
            kept[new[index]] = result
    for number, (job, key) in enumerate(zip(jobs, keys, strict=True)):
        data = None if key is None or number in kept else cache.get(key)
        if number in kept:
            yield kept.pop(number)
        elif data is not None:
            yield result_of(job, msgspec.msgpack.decode(data, type=CaseMeasures))
        else:  # it could not be read back
            yield score_job(job, protocol)


def _key(job: ScoringJob, made_by: str) -> bytes | None:
    """All that a score depends on; None where nothing can be kept."""
    if job.outcome is Outcome.HARNESS_ERROR or job.reference_sha256 is None or job.prompts:
        return None
    if job.outcome.is_failure or job.prediction is None:
        return score_key(made_by, job.reference_sha256, "failed")
    if job.prediction_sha256 is None:
        return None
    return score_key(made_by, job.reference_sha256, job.prediction_sha256)


def _made_by(protocol: Rules) -> str:
    """Rules, code and libraries."""
    names = [metric.metric or metric.name for metric in protocol.scoring.metrics]
    others = sorted({METRICS.package_of(name) for name in names if METRICS.is_foreign(name)})
    versions = " ".join(f"{name}={version}" for name, version in library_versions().items())
    limit = protocol.limits.output_mib
    code = " ".join(code_digests((*SCORING_CODE, *others)).values())
    return f"{protocol.digest('score')} {limit} {code} {versions}"
