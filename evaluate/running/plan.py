"""What a run is to do: submissions on cases, in an order, less what already has a valid result."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from data_manifest.manifest import Case, Manifest, sha256_of
from evaluate.facts.machine import Machine
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.running.schedule import turns
from evaluate.sandbox import Image
from evaluate.store import JournalEntry, RunDirectory

__all__ = ["Plan", "Submission", "Turn", "job_sha256", "outstanding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A team and its image; `problem` says why there is no image, which fails every case."""

    team: str
    image: Image | None
    problem: str = ""

    @property
    def digest(self) -> str:
        """Of the image; empty if there is none."""
        return self.image.digest if self.image else ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that a run goes by."""

    protocol: Rules
    manifest: Manifest
    data_root: Path
    submissions: tuple[Submission, ...]
    machine: Machine
    seed: int

    @cached_property
    def rules_sha256(self) -> str:
        """Of the rules that decide an attempt."""
        return self.protocol.run_sha256

    @cached_property
    def machine_key(self) -> str:
        """By which attempts name the machine."""
        return self.machine.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One submission on one case, and the digest of all that goes into it."""

    submission: Submission
    case: Case
    job_sha256: str


def job_sha256(*, image: str, inputs_sha256: str, rules_sha256: str, sandbox: str) -> str:
    """Of all that decides an attempt's result; a result of another job does not count.

    Args:
        image: the image's digest, or the problem that stands for it.
        inputs_sha256: of the case's inputs.
        rules_sha256: see `Attempt`.
        sandbox: the adapter's name.
    """
    facts = {
        "image": image,
        "inputs": inputs_sha256,
        "rules": rules_sha256,
        "sandbox": sandbox,
    }
    return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()


def outstanding(
    plan: Plan, run: RunDirectory, journal: Mapping[tuple[str, str, int], JournalEntry]
) -> list[Turn]:
    """The turns that have no valid result yet, in their order.

    A result is valid if it is of the same job, not an error of the harness, and its prediction is
    still the file that the run left.
    """
    submissions = {submission.team: submission for submission in plan.submissions}
    cases = {case.id: case for case in plan.manifest.cases}
    todo = []
    for team, case_id in turns(list(submissions), list(cases), seed=plan.seed):
        case = cases[case_id]
        turn = Turn(
            submission=submissions[team],
            case=case,
            job_sha256=job_sha256(
                image=submissions[team].digest or submissions[team].problem,
                inputs_sha256=case.image.sha256,
                rules_sha256=plan.rules_sha256,
                sandbox=plan.machine.sandbox.name,
            ),
        )
        entry = journal.get((team, case_id, 0))
        if (
            entry is None
            or entry.job_sha256 != turn.job_sha256
            or entry.record.outcome is Outcome.HARNESS_ERROR
            or _hash_or_none(run.prediction_path(team, case_id)) != entry.prediction_sha256
        ):
            todo.append(turn)
    return todo


def _hash_or_none(path: Path) -> str | None:
    return sha256_of(path) if path.is_file() else None
