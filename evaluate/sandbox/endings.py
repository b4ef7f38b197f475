"""How a container has ended: by itself, by a limit, or by somebody else, which is our failure."""

from data_manifest.errors import printable
from evaluate.sandbox.containers import LastState, OwnedContainer, StartRefused
from evaluate.sandbox.measurement import Usage
from evaluate.sandbox.port import Ending, Execution, Job, SandboxError, one_line
from evaluate.sandbox.supervision import StopReason, too_large
from evaluate.sandbox.surroundings import Covered

_KILLED = 137


def not_started(
    refusal: StartRefused,
    wall_s: float,
    started_at: str,
    *,
    options: dict[str, object],
    covered: tuple[Covered, ...],
) -> Execution:
    """What happened to a job whose command its image does not have, or may not start."""
    return Execution(
        ending=Ending.EXITED,
        detail=printable(f"the container can't start: {refusal}"),
        exit_code=refusal.exit_code,
        wall_s=wall_s,
        cpu_s=None,
        peak_memory_mib=None,
        measured_by="",
        started_at=started_at,
        log=str(refusal).encode(),
        options=options,
        covered=covered,
    )


def killed_for_memory(state: LastState, usage: Usage) -> bool:
    """Whether the kernel ended a process of it for memory."""
    return state.out_of_memory or bool(usage.oom_kills)


def blame_ourselves(container: OwnedContainer, state: LastState, usage: Usage) -> None:
    """Raise if somebody else than the command, its limits and we has ended the container.

    Raises:
        SandboxError: that is our side's failure, and the case is run again.
    """
    blame = ""
    if state.error:
        blame = one_line(f"the engine says: {state.error}")
    elif usage.oom_kills and usage.limit_hits == 0:
        blame = "the machine itself ran out of memory, and the kernel ended a process of it"
    elif state.exit_code == _KILLED and not killed_for_memory(state, usage):
        by = container.killed_from_outside()
        blame = f"it was ended from outside ({by})" if by else ""
    if blame:
        mend = "leave containers and the machine's memory alone while a run is under way"
        raise SandboxError(where="container of a case", found=blame, mend=mend)


def ending_of(
    verdict: StopReason | None, state: LastState, usage: Usage, wall_s: float, job: Job
) -> tuple[Ending, str, int | None]:
    """How it ended, details and the exit code, from what we did and what the kernel counted.

    A process that was killed for memory matters only if the command failed: a program may well
    lose a worker and finish.
    """
    exit_code = state.exit_code
    out_of_memory = killed_for_memory(state, usage)
    limit = job.limits.memory_mib
    if verdict is None and wall_s > job.limits.timeout_s:
        verdict = StopReason(ending=Ending.TIMEOUT, detail=f"took {wall_s:.3f} s")
    if verdict is None:
        verdict = too_large(job)
    if verdict is not None:
        return verdict.ending, verdict.detail, None
    if exit_code != 0 and out_of_memory:
        detail = f"the kernel ended a process that needed more than the {limit} MiB allowed"
        return Ending.OUT_OF_MEMORY, detail, exit_code
    return Ending.EXITED, "", exit_code
