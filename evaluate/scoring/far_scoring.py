"""Scoring on the machines of a cluster: what goes to one is a case with all its teams."""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from evaluate.cluster import Call, CallFailedError, ClusterAddress, ClusterError, Talk
from evaluate.cluster.reaching import open_fleet
from evaluate.cluster.this_worker import Hello, hello
from evaluate.cluster.transfer import SentFile, forget, sending
from evaluate.documents.run_status import unused_machine
from evaluate.facts.errors import Finding
from evaluate.facts.rules import Rules
from evaluate.scoring.jobs import CaseResult, ScoringJob, score_job, score_together


def score_on_machines(
    jobs: Sequence[ScoringJob], protocol: Rules, cluster: ClusterAddress
) -> Iterator[tuple[int, CaseResult]]:
    """Each job's number and result, as they come.

    What no machine could score is scored here: then the error, if it is one, is said here as well.

    Raises:
        CaseFileError: a reference can't be read.
        ClusterError: the cluster is gone, or none of its machines has the same versions.
    """
    with ExitStack() as stack:
        work = _FarScoring(jobs, protocol)
        if not work.done:
            try:
                for _ in open_fleet(cluster, stack).drive(work):
                    while work.come:
                        yield work.come.popleft()
            except ClusterError as error:
                raise ClusterError(*error.problems, *work.left_out) from error
    for index in work.here:
        yield index, score_job(jobs[index], protocol)


class _FarScoring:
    """See `Work`."""

    def __init__(self, jobs: Sequence[ScoringJob], protocol: Rules) -> None:
        self._jobs, self._protocol = jobs, protocol
        self.come: deque[tuple[int, CaseResult]] = deque()
        self.left_out: list[Finding] = []
        self.here: list[int] = []
        by_case: dict[str, list[int]] = {}
        for index, job in enumerate(jobs):
            # A link is not followed, and so not sent.
            if any(path.is_symlink() for path in _files_of(job)):
                self.here.append(index)
            else:
                by_case.setdefault(job.case, []).append(index)
        self._todo = deque(by_case.values())
        self._sent = 0

    @property
    def done(self) -> bool:
        """Whether all that can be scored there is."""
        return not self._todo and not self._sent

    def heard(self, address: str, words: object) -> None:
        """Nothing is told."""

    def talk(self, address: str) -> Talk:
        """Cases, as long as there are any; a machine of other versions gets none."""
        del address
        about: Hello = yield Call(function=hello)
        if about.refusal:
            self.left_out.append(unused_machine(about.name or about.host, about.refusal))
            return
        while True:
            if not self._todo:
                yield None
                continue
            case = self._todo.popleft()
            self._sent += 1
            jobs = [self._jobs[index] for index in case]
            try:
                files = [SentFile.of(path) for job in jobs for path in _files_of(job)]
                places = yield from sending(list(dict.fromkeys(files)))
                there = [_as_there(job, places) for job in jobs]
                sent = tuple(places.values())
                call = Call(function=_score_there, arguments=(there, self._protocol, sent))
                self.come.extend(zip(case, (yield call), strict=True))
            except CallFailedError:
                self.here += case
            except BaseException:
                self._todo.appendleft(case)
                raise
            finally:
                self._sent -= 1


def _files_of(job: ScoringJob) -> list[Path]:
    named = (job.reference, job.prediction, job.prompts)
    return [path for path in named if path is not None and os.path.lexists(path)]


def _as_there(job: ScoringJob, places: Mapping[Path, Path]) -> ScoringJob:
    """The job with its files where a machine has them, which stands in another folder than we."""

    def there(path: Path) -> Path:
        return places.get(path.resolve(), path.absolute())

    return replace(
        job,
        reference=there(job.reference),
        prediction=job.prediction and there(job.prediction),
        prompts=job.prompts and there(job.prompts),
    )


def _score_there(
    jobs: Sequence[ScoringJob], protocol: Rules, sent: Sequence[Path]
) -> list[CaseResult]:
    """Score a case's jobs in this worker, and remove what was sent for it."""
    try:
        return list(score_together(jobs, protocol))
    finally:
        forget(sent)
