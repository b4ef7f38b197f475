"""A run's submissions as they are now: the same image, another one under the same name, or none."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from data_manifest.findings import Finding
from evaluate.documents.audit import Cause
from evaluate.documents.run_parts import SubmissionEntry
from evaluate.facts.errors import SubmissionError
from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Image, ImageProblem, Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One team's submission.

    Attributes:
        reference: what to hand to the sandbox.
        problem: why it can't be run as it was; empty if it can.
        note: what a reader should know of it.
        finding: of another image under the same name.
    """

    reference: str
    problem: str = ""
    note: str = ""
    finding: Finding | None = None


@contextmanager
def found_submissions(
    submissions: list[SubmissionEntry], sandbox: Sandbox, limits: Limits
) -> Iterator[dict[str, Found]]:
    """Each team's submission, held by the sandbox until the end.

    An image whose name was given to another one is still run if the engine has it, by its digest.
    """
    held: list[Image] = []
    try:
        yield {entry.team: _look_up(entry, sandbox, limits, held) for entry in submissions}
    finally:
        for image in held:
            sandbox.release(image)


def _look_up(entry: SubmissionEntry, sandbox: Sandbox, limits: Limits, held: list[Image]) -> Found:
    team, reference, recorded = entry.team, entry.reference, entry.digest
    try:
        image = sandbox.prepare(reference, limits=limits)
        held.append(image)
    except ImageProblem as problem:
        if recorded is None:
            return Found(reference=reference)  # it fails as it did
        return Found(reference=reference, problem=str(problem))
    except SubmissionError as error:
        problem_text = f"its image is not at hand: {error.problems[0]}"
        return _by_digest(team, reference, recorded, sandbox, limits, held, problem_text, None)
    if image.identity == recorded:
        return Found(reference=reference)
    finding = Finding(
        code=Cause.IMAGE,
        where=reference,
        expected=recorded or entry.problem or "no image",
        found=image.identity,
        teams=(team,),
    )
    text = f"another image under the same name: {recorded} was run, {reference} is {image.identity}"
    return _by_digest(team, reference, recorded, sandbox, limits, held, text, finding)


def _by_digest(
    team: str,
    reference: str,
    recorded: object,
    sandbox: Sandbox,
    limits: Limits,
    held: list[Image],
    problem: str,
    finding: Finding | None,
) -> Found:
    if sandbox.isolated and recorded:
        try:
            held.append(sandbox.prepare(str(recorded), limits=limits))
        except (ImageProblem, SubmissionError):
            pass
        else:
            note = f"{problem}; the recorded image was run by its digest"
            return Found(reference=str(recorded), note=note, finding=finding)
    return Found(reference=reference, problem=problem, finding=finding)
