"""A machine's end of a cluster's run: its sandbox, its images, and blocks made in it.

Called in a worker process, one call at a time; what must last from one call to the next is kept in
its `this_worker`, by the token of the run: several heads may take turns on a machine.
"""

import shutil
import tarfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from evaluate.cluster.this_worker import this_worker
from evaluate.cluster.transfer import forget
from evaluate.facts.machine import Machine
from evaluate.facts.outcome import Outcome
from evaluate.facts.run_rules import Limits
from evaluate.running.attempting import Made, Slot
from evaluate.running.calibration import LoadTime, time_load
from evaluate.running.plan import Plan, Series, Submission
from evaluate.running.this_machine import describe_machine
from evaluate.sandbox import Image, ImageProblem, Sandbox, SandboxError, open_sandbox
from evaluate.sandbox.case_folders import folder_digest

_CLOSED_AFTER_S = 3600.0
"""Unused for so long, what is open for another run makes room: its head has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockMade:
    """What a machine made of a block.

    Attributes:
        made: its attempts, in order; cut short by a failure on our side.
        load: what the calibration's load took there, just before.
        leaves: why the machine takes no more work; empty where it does.
        problem: what failed on our side; empty where nothing did.
    """

    made: tuple[Made, ...]
    load: LoadTime
    leaves: str
    problem: str


@dataclass(slots=True, kw_only=True)
class _FarSlot:
    sandbox: Sandbox
    slot: Slot
    folder: Path
    held: ExitStack
    submissions: dict[str, Submission] = field(default_factory=dict)
    used_s: float = field(default_factory=time.monotonic)


def open_far_slot(token: str, plan: Plan) -> Machine:
    """Open the sandbox of a run's machine here; what was open for it before is closed.

    The plan has no submissions yet, and its machine is the head's.

    Raises:
        SegjudgeError: there is no such sandbox here.
    """
    me = this_worker()
    for other, kept in list(me.kept.items()):
        if isinstance(kept, _FarSlot) and (
            other == token or time.monotonic() - kept.used_s > _CLOSED_AFTER_S
        ):
            del me.kept[other]
            kept.held.close()
    folder, held = me.scratch / "runs" / token, ExitStack()
    folder.mkdir(parents=True, exist_ok=True)
    me.held.callback(held.close)
    held.callback(shutil.rmtree, folder, ignore_errors=True)
    sandbox = open_sandbox(
        plan.machine.sandbox.name,
        scratch=folder / "sandbox",
        environment=me.environment,
        cache=me.cache,
    )
    held.callback(sandbox.close)
    machine = describe_machine(sandbox, name=me.name)
    here = replace(plan, machine=machine, data_root=folder / "data")
    slot = Slot(here, sandbox, owner=token)
    me.kept[token] = _FarSlot(sandbox=sandbox, slot=slot, folder=folder, held=held)
    return machine


def _mine(token: str) -> _FarSlot:
    kept = this_worker().kept.get(token)
    if not isinstance(kept, _FarSlot):
        fault = "closed, as it was not used for an hour while other runs came"
        where, mend = "this run's sandbox on the machine", "the same command opens it again"
        raise SandboxError(where=where, found=fault, mend=mend)
    kept.used_s = time.monotonic()
    return kept


def sees_folder(folder: Path, digest: str) -> bool:
    """Whether a submission's folder is the same file by file where this machine sees it."""
    try:
        return folder.is_dir() and f"sha256:{folder_digest(folder)}" == digest
    except (ImageProblem, PermissionError):
        return False


def prepare_team(token: str, team: str, image: Image, place: Path | None, limits: Limits) -> None:
    """Make a team's image ready here, and see that it is the head's.

    Args:
        token: of the run.
        team: the submission's name.
        image: as the head prepared it.
        place: its archive, or its folder packed; None where this machine sees what the head sees.
        limits: of its containers.

    Raises:
        SandboxError: it is another image, or none, on this machine.
    """
    here, reference = _mine(token), str(place or image.reference)
    if place is not None and image.kind == "folder":
        folder = here.folder / "submissions" / team
        with tarfile.open(place) as packed:
            # Python before 3.11.4 takes no filter, and needs none for what the head has packed.
            packed.extraction_filter = getattr(tarfile, "tar_filter", None)
            packed.extractall(folder)  # noqa: S202 - filtered where it can be
        reference = str(folder)
    try:
        ready = here.sandbox.prepare(reference, limits=limits)
        found = ready.digest
    except ImageProblem as problem:
        found = str(problem)
    if found != image.digest:
        raise SandboxError(
            where=f"{team}: {image.reference}",
            found=found,
            expected=f"{image.digest}, as on the head",
            mend="build it once, and hand in the archive of `docker save`",
        )
    if place is not None:
        forget([place])
    here.submissions[team] = Submission(team=team, image=ready)


def warm_up(token: str, places: Mapping[str, Path]) -> None:
    """One uncounted run of every image, on the smallest case, whose files are these."""
    here = _mine(token)
    _lay_out(here.folder / "data", places)
    for submission in here.submissions.values():
        if submission.image is not None:
            here.slot.warm_up(submission.image)


def make_block(
    number: tuple[str, int],
    block: Sequence[Series],
    files: Mapping[str, Path],
    answers: Mapping[Path, Path],
    whole: bool,
) -> BlockMade:
    """All teams' rounds on a case, one after another.

    Args:
        number: of the call in the run of this token, told with each series that begins.
        block: what is to be made.
        files: of the case, by their paths in the data set: where they are here.
        answers: of earlier rounds, by where the head has them.
        whole: go on after a failure on our side.
    """
    me, here, load = this_worker(), _mine(number[0]), time_load()
    made: list[Made] = []
    problem = ""
    try:
        _lay_out(here.folder / "data", files)
        for index, series in enumerate(block):
            me.tell((number, index))
            for attempt in here.slot.make(_as_here(series, here, answers)):
                made.append(attempt)
                if attempt.attempt.outcome is Outcome.HARNESS_ERROR:
                    problem = attempt.attempt.reason
            if problem and not whole:
                break
    except OSError as error:  # no room, above all
        problem = str(error)
    finally:
        forget([*files.values(), *answers.values()])
        here.used_s = time.monotonic()
    me.went(well=not problem)
    return BlockMade(made=tuple(made), load=load, leaves=me.leaves, problem=problem)


def _lay_out(data: Path, files: Mapping[str, Path]) -> None:
    """A case's files in this machine's data folder: links to where they are."""
    for path, place in files.items():
        link = data / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(place)


def _as_here(series: Series, here: _FarSlot, answers: Mapping[Path, Path]) -> Series:
    """A series with this machine's own image, and with the answers where they are here."""
    submission = here.submissions.get(series.submission.team, series.submission)
    earlier = tuple(
        e if e.prediction is None else replace(e, prediction=answers[e.prediction])
        for e in series.earlier
    )
    return replace(series, submission=submission, earlier=earlier)
