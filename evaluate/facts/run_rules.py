"""What a protocol says of a run: how a container is called, what it may use, what is measured."""

from typing import Annotated, Literal

import msgspec

from evaluate.facts.metric_rules import Strict

_Positive = Annotated[float, msgspec.Meta(gt=0)]
_Count = Annotated[int, msgspec.Meta(ge=1)]
_Named = Annotated[str, msgspec.Meta(pattern=r"\{team\}")]
_WorkspacePath = Annotated[str, msgspec.Meta(pattern=r"^/[A-Za-z0-9_/.-]+$")]


class Limits(Strict, frozen=True, kw_only=True):
    """What one container may use; the sandbox enforces exactly these.

    Attributes:
        timeout_s: wall-clock limit of one case.
        memory_mib: memory, and memory plus swap.
        cpus: CPUs' worth of time; None for all of the machine's, as the reference.
        processes: processes and threads.
        open_files: file descriptors of one process.
        scratch_mib: size of /tmp, and of the home folder, which are in memory.
        shm_mib: size of shared memory, which counts as memory; None for as much as `memory_mib`.
        output_mib: total size of the outputs folder.
        output_files: how many files the outputs folder may hold.
        log_mib: how much of the container's output is kept.
        gpus: GPUs that the container may use; needs an engine with NVIDIA's runtime.
    """

    timeout_s: _Positive
    memory_mib: _Count
    cpus: _Positive | None = None
    processes: _Count = 4096
    open_files: _Count = 4096
    scratch_mib: _Count = 1024
    shm_mib: _Count | None = None
    output_mib: _Count = 1024
    output_files: _Count = 1000
    log_mib: _Count = 4
    gpus: Annotated[int, msgspec.Meta(ge=0)] = 0


class Container(Strict, frozen=True, kw_only=True):
    """How a container is called, and where it finds and leaves files.

    Attributes:
        entrypoint: `command` starts the command and nothing of the image's own; `image` starts the
            image's entry point, and hands it the command as arguments.
        command: its words, each as it is and through no shell; `{case}`, `{inputs}` and
            `{outputs}` stand for the case's identifier and the two folders. Empty for what the
            image says itself.
        inputs: where the case is mounted.
        outputs: where the mask is left.
        inputs_writable: whether the container may change its own copy of the inputs.
        model: where a team's model folder is mounted, read-only; None where there is none.
    """

    entrypoint: Literal["command", "image"] = "command"
    command: tuple[str, ...] = ()
    inputs: _WorkspacePath = "/workspace/inputs"
    outputs: _WorkspacePath = "/workspace/outputs"
    inputs_writable: bool = False
    model: _WorkspacePath | None = None

    def words(self, case: str) -> tuple[str, ...]:
        """The command for one case; the folders are put in by who knows where they are."""
        return tuple(word.replace("{case}", case) for word in self.command)

    @property
    def starts_script(self) -> bool:
        """Whether it is predict.sh that the command starts."""
        return any("predict.sh" in word for word in self.command)


class Measurement(Strict, frozen=True, kw_only=True):
    """What is measured besides wall-clock time, CPU time and peak memory.

    Attributes:
        profile_hz: samples of CPU time, memory and GPU memory a second, kept as
            profiles/TEAM/CASE.csv, with their areas under the curve in runs.csv (FLARE 2022 samples
            at 10); None for none.
    """

    profile_hz: Annotated[float, msgspec.Meta(gt=0, le=20)] | None = None


class HandIn(Strict, frozen=True, kw_only=True):
    """What a team hands in, and what `segjudge check` measures it against; a run reads none of it.

    Attributes:
        archive: the file's name; `{team}` stands for the team's, in lower case and without dots.
        tag: the image's name in the archive, of the same team.
        archive_mib: the largest file that is taken.
        largest_case: shape (D, H, W) of the largest case that is expected, for estimates.
    """

    archive: _Named | None = None
    tag: _Named | None = None
    archive_mib: _Count | None = None
    largest_case: tuple[_Count, _Count, _Count] | None = None


class Reproduction(Strict, frozen=True, kw_only=True):
    """How much another run of the same container may differ and still count as equivalent.

    Attributes:
        dsc, nsd: the mean change over the cases, either way.
        wall_ratio: of the times, corrected for the machine; 1.25 allows 1/1.25 to 1.25.
        alpha: level of the equivalence tests, each of two one-sided tests.
    """

    dsc: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.01
    nsd: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.01
    wall_ratio: Annotated[float, msgspec.Meta(gt=1)] = 1.25
    alpha: Annotated[float, msgspec.Meta(gt=0, lt=0.5)] = 0.05
