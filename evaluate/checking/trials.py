"""One case of a check as it ran, and the gathering of what was noticed on many cases."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from data_manifest.findings import Finding, Severity, listed
from data_manifest.layouts import ArrayFacts, OutputFile, array_facts, open_regular_file
from data_manifest.manifest import Case
from evaluate.checking.check_findings import make_finding
from evaluate.checking.sanity import is_odd
from evaluate.facts.attempts import Attempt
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Limits
from evaluate.sandbox import Execution, Image, Job, Sandbox

_MOST_NAMES = 50
_CHUNK = 2**20
_LARGEST_SEEN = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One execution, seen from outside.

    Attributes:
        case: the case's identifier.
        execution: what the sandbox reported.
        files: paths in the outputs folder afterwards, sorted.
        masks: those of them that are the case's mask by their names.
        arrays: of the case's file, by headers alone; None if there is no such file.
        inputs_changed: whether the inputs folder is not what it was.
    """

    case: str
    execution: Execution
    files: tuple[str, ...]
    masks: tuple[str, ...]
    arrays: tuple[ArrayFacts, ...] | None
    inputs_changed: bool


class ObservingSandbox:
    """Hands everything to another sandbox, and notes what the run's record does not keep.

    What a container leaves beside its answer is gone with its folders; a team wants to know of it.
    """

    def __init__(self, sandbox: Sandbox, output: OutputFile) -> None:
        self._sandbox = sandbox
        self._output = output
        self.observations: list[Observation] = []
        self.image: Image | None = None

    @property
    def name(self) -> str:
        """Of the sandbox that runs."""
        return self._sandbox.name

    @property
    def isolated(self) -> bool:
        """Of the sandbox that runs."""
        return self._sandbox.isolated

    def describe(self) -> dict[str, object]:
        """See `Sandbox.describe`."""
        return self._sandbox.describe()

    def prepare(self, reference: str, *, limits: Limits) -> Image:
        """See `Sandbox.prepare`."""
        self.image = self._sandbox.prepare(reference, limits=limits)
        return self.image

    def run(self, image: Image, job: Job) -> Execution:
        """See `Sandbox.run`."""
        before = _digest(job.inputs)
        answer, outputs = self._output, job.outputs
        execution = self._sandbox.run(image, job)
        masks = answer.masks_in(outputs, job.case)
        self.observations.append(
            Observation(
                case=job.case,
                execution=execution,
                files=_names(job.outputs),
                masks=masks,
                arrays=array_facts(
                    outputs / (masks or (answer.name(job.case),))[0],
                    output=answer,
                    max_bytes=_LARGEST_SEEN,
                    within=outputs,
                ),
                inputs_changed=_digest(job.inputs) != before,
            )
        )
        return execution

    def release(self, image: Image) -> None:
        """See `Sandbox.release`."""
        self._sandbox.release(image)

    def close(self) -> None:
        """Nothing: the sandbox belongs to who opened it."""


def _digest(folder: Path) -> list[tuple[str, str]]:
    """Names and SHA-256 of a folder's ordinary files; nothing is followed."""
    digests = []
    for name in _names(folder):
        stream = open_regular_file(folder / name, within=folder)
        if stream is None:
            digests.append((name, ""))
            continue
        with stream:
            digest = hashlib.sha256()
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
            digests.append((name, digest.hexdigest()))
    return digests


def _names(folder: Path) -> tuple[str, ...]:
    """Paths of the files below a folder, sorted, so many at most as the system gives first.

    A folder that the participant has closed even to us is empty.
    """
    files = (
        (Path(top) / name).relative_to(folder).as_posix()
        for top, _, names in os.walk(folder)
        for name in names
    )
    return tuple(sorted(islice(files, _MOST_NAMES)))


_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One case as it ran."""

    case: Case
    record: Attempt
    observation: Observation | None

    @property
    def log(self) -> bytes:
        """The container's output; the bytes are the participant's."""
        return self.observation.execution.log if self.observation else b""

    @property
    def answered(self) -> bool:
        """Whether it left a mask that counts."""
        return self.record.outcome is Outcome.OK


def gathered(hits: Sequence[Finding], cases: Sequence[str]) -> list[Finding]:
    """One finding for all hits of a check, naming the first cases.

    What goes wrong on the odd cases alone is a finding of `odd-input`.
    """
    groups: dict[str, list[Finding]] = {}
    for hit in hits:
        groups.setdefault(hit.code, []).append(hit)
    findings = []
    ordinary = any(not is_odd(case) for case in cases)
    for check, of_check in groups.items():
        order = list(Severity)
        worst = min(of_check, key=lambda hit: order.index(hit.severity))
        named = list(dict.fromkeys(hit.where for hit in of_check))
        only_odd = ordinary and all(is_odd(name) for name in named)
        detail = worst.found if len(named) == 1 else f"{worst.where}: {worst.found}"
        findings.append(
            make_finding(
                "odd-input" if only_odd and worst.severity is Severity.PROBLEM else check,
                worst.severity,
                subject=f"{len(named)} of {len(cases)} cases: {listed(named, most=_NAMED)}",
                found=detail,
                mend=worst.mend,
            )
        )
    return findings
