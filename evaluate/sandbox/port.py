"""The port between the harness and whatever runs a stranger's code: facts in, facts out.

An adapter reports how a command ended and never judges it: which `Outcome` follows is the
runner's pure decision. Every adapter passes `segjudge.conformance`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from data_manifest.errors import printable
from evaluate.facts.errors import SegjudgeError
from evaluate.facts.run_rules import Limits
from evaluate.sandbox.measurement import Sample
from evaluate.sandbox.surroundings import Covered, Surroundings

_LONGEST = 2000
# Where an engine keeps a container's files: of its machine, and no word for a team.
_ENGINE_S_OWN = re.compile(r"[^\s\":]*/(?:overlay2?|vfs/dir)/\w+(?:/merged|/diff)?(?=\W|$)")


def one_line(text: str) -> str:
    r"""A stranger's text, or an engine's about it, as one bounded line that can be printed.

    >>> one_line("a\n\nb\x1b")
    'a | b\\x1b'
    """
    if len(text) > 2 * _LONGEST:
        text = f"{text[:_LONGEST]} … {text[-_LONGEST:]}"
    text = _ENGINE_S_OWN.sub("", text)
    line = " | ".join(printable(line.strip()) for line in text.splitlines() if line.strip())
    half = _LONGEST // 2
    return line if len(line) <= _LONGEST else f"{line[:half]} … {line[-half:]}"


class ImageProblem(Exception):  # noqa: N818 - a participant's failure, no error of ours
    """A submission that can't be made ready: the team's failure.

    Args:
        text: what was found, and how to mend it; a stranger's words in it become one line that
            is safe to print.
    """

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))


class SandboxError(SegjudgeError):
    """The sandbox itself failed: the engine went away, the disk is full. Never the team's fault."""

    exit_code = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A submission made ready to run.

    Attributes:
        reference: what was asked for.
        digest: docker: the engine's image id, `sha256:...`; local: SHA-256 of the folder's files,
            by sorted name.
        kind: `archive`, `reference` or `folder`.
        handle: the adapter's own: the image id to run, or the folder's path.
        details: facts worth keeping, such as the archive's SHA-256, the architecture, the size.
        around: what its maker counts on.
        model: the team's model folder on the host; None where it has handed in none.
    """

    reference: str
    digest: str
    kind: str
    handle: str
    details: dict[str, str | int]
    around: Surroundings = field(default_factory=Surroundings)
    model: Path | None = None

    @property
    def identity(self) -> str:
        """All that is run, image and model: results of another identity do not count."""
        model = self.details.get("model_sha256")
        return self.digest if model is None else f"{self.digest}+model:{model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One command to run on one case.

    Attributes:
        command: the argument vector, as the protocol fixes it; see `called`.
        own_entry: start the image's own entry point, which gets the command as its arguments.
        case: the case's identifier, for who looks on.
        inputs: folder of the host that holds exactly what the command may see, made for this job.
        outputs: empty folder of the host, made for this job.
        container_inputs: where the command finds the inputs.
        container_outputs: where the command leaves its outputs.
        limits: what it may use.
        profile_hz: samples of CPU time and memory a second; None for none.
        inputs_writable: the command may change the inputs, which were made for this job.
        container_model: where the image's model folder is mounted, if it has one.
    """

    command: tuple[str, ...]
    inputs: Path
    outputs: Path
    container_inputs: str
    container_outputs: str
    limits: Limits
    profile_hz: float | None = None
    own_entry: bool = False
    case: str = ""
    inputs_writable: bool = False
    container_model: str | None = None

    def called(self, inputs: str, outputs: str) -> tuple[str, ...]:
        """The argument vector, for a sandbox whose command finds its folders at these places."""
        places = {"{inputs}": inputs, "{outputs}": outputs}
        words = list(self.command)
        for mark, place in places.items():
            words = [word.replace(mark, place) for word in words]
        return tuple(words)


def lacking(facts: Mapping[str, object]) -> list[str]:
    """What is not enforced, in words, by what a sandbox says of itself or of one execution."""
    said = facts.get("not_enforced")
    return [str(words) for words in said] if isinstance(said, list) else []


class Ending(StrEnum):
    """How a command ended."""

    EXITED = "exited"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    OUTPUT_TOO_LARGE = "output_too_large"
    REFUSED = "refused"
    """The engine makes no container of this image, and does of another: the image is why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What happened to one job.

    Attributes:
        ending: how it ended.
        detail: facts behind the ending, in words; empty where `ending` and `exit_code` say it all.
        exit_code: of the command; None if it did not end by itself.
        wall_s: from just before the start is asked for until the exit is seen, monotonic clock.
        cpu_s: user and system time of everything that ran; None if not measured.
        peak_memory_mib: the largest memory use of everything that ran together.
        measured_by: `cgroup`, `stats` or `rusage`: the method behind the two above.
        started_at: UTC, ISO 8601.
        log: standard output and error as they came, head and tail within `limits.log_mib`.
        options: what was enforced, as data; key `not_enforced` lists in words what was not.
        startup_s: part of `wall_s`: until the command's first process ran; None if it never did.
        profile: CPU time and memory over time, where the job asks for it.
        memory_kill: the kernel ended a process for memory, whatever the command then did.
        covered: what the image keeps where something was mounted.
        peak_gpu_memory_mib: the most memory that it was seen to use on the GPUs that it had.
        gpu_busy_s: how long those have computed for it, added up; None without one, as the above.
        file_pages_mib: the most pages of files that it was seen to have in memory, which
            `peak_memory_mib` leaves out; None where nobody tells them apart.
        throttled_s: how long its limit of CPU time has held its processors back, added up.
        others_cpus: processors that other programs of the machine kept busy meanwhile.
    """

    ending: Ending
    detail: str = ""
    exit_code: int | None
    wall_s: float
    cpu_s: float | None
    peak_memory_mib: float | None
    measured_by: str
    started_at: str
    log: bytes
    options: dict[str, object]
    startup_s: float | None = None
    profile: tuple[Sample, ...] = ()
    memory_kill: bool = False
    covered: tuple[Covered, ...] = ()
    peak_gpu_memory_mib: float | None = None
    gpu_busy_s: float | None = None
    file_pages_mib: float | None = None
    throttled_s: float | None = None
    others_cpus: float | None = None


def refused(problem: str) -> Execution:
    """What happened to a job whose image can't be started at all."""
    return Execution(
        ending=Ending.REFUSED,
        detail=problem,
        exit_code=None,
        wall_s=0.0,
        cpu_s=None,
        peak_memory_mib=None,
        measured_by="",
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        log=b"",
        options={},
    )


class Sandbox(Protocol):
    """Runs submissions under limits. Use from several threads at once is allowed."""

    @property
    def name(self) -> str:
        """`docker`, `podman`, `local`, or what another package calls its own."""

    @property
    def isolated(self) -> bool:
        """Whether a hostile submission is contained; without it a result is not official."""

    def describe(self) -> dict[str, object]:
        """Facts on the engine and the host; key `not_enforced` lists what can't be, in words."""

    def prepare(self, reference: str, *, limits: Limits) -> Image:
        """Make a submission ready to run.

        Raises:
            ImageProblem: the submission is there and can't be run: the team's failure.
            SubmissionError: the reference names nothing at all.
            SandboxError: the sandbox itself failed.
        """

    def run(self, image: Image, job: Job) -> Execution:
        """Run one job to its end; nothing of it is left running, whatever happens.

        Raises:
            SandboxError: the sandbox itself failed; how the command fails is in the result.
        """

    def release(self, image: Image) -> None:
        """Remove what `prepare` brought in, if it was not there before."""

    def close(self) -> None:
        """Release everything that is still held."""
