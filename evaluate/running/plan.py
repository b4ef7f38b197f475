"""What a run is to do: submissions on cases, in an order, less what already has a valid result."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from data_manifest.manifest import Case, Manifest, sha256_of
from evaluate.facts.machine import Machine
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.turns import Turn
from evaluate.running.schedule import turns
from evaluate.sandbox import Image
from evaluate.store import RunDirectory

__all__ = ["Block", "Plan", "Series", "Submission", "job_sha256", "outstanding"]


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
class Series:
    """One submission's rounds on one case, in order, and the digest of all that goes into them."""

    submission: Submission
    case: Case
    turns: tuple[Turn, ...]
    job_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What is to be run of one case: it stays on one machine."""

    series: tuple[Series, ...]


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


def outstanding(plan: Plan, run: RunDirectory) -> list[Block]:
    """What has no valid result yet, in its order; of a series all rounds or none.

    A result is valid if it is of the same job, not an error of the harness, and its prediction is
    still the file that the run left.
    """
    submissions = {submission.team: submission for submission in plan.submissions}
    cases = {case.id: case for case in plan.manifest.cases}
    valid = {
        turn
        for turn, job, outcome, prediction in run.results()
        if turn.team in submissions
        and turn.case in cases
        and outcome != Outcome.HARNESS_ERROR
        and job == _job_of(plan, submissions[turn.team], cases[turn.case])
        and _hash_or_none(_path_of(run, turn)) == prediction
    }
    blocks = []
    rounds = plan.protocol.rounds
    for block in turns(list(submissions), list(cases), seed=plan.seed, rounds=rounds):
        wanted = [block[start : start + rounds] for start in range(0, len(block), rounds)]
        series = tuple(
            Series(
                submission=submissions[part[0].team],
                case=cases[part[0].case],
                turns=tuple(part),
                job_sha256=_job_of(plan, submissions[part[0].team], cases[part[0].case]),
            )
            for part in wanted
            if not valid.issuperset(part)
        )
        if series:
            blocks.append(Block(series=series))
    return blocks


def _job_of(plan: Plan, submission: Submission, case: Case) -> str:
    return job_sha256(
        image=submission.digest or submission.problem,
        inputs_sha256=case.image.sha256,
        rules_sha256=plan.rules_sha256,
        sandbox=plan.machine.sandbox.name,
    )


def _path_of(run: RunDirectory, turn: Turn) -> Path:
    earlier = run.earlier_round(turn)
    return run.prediction_path(turn.team, turn.case, earlier_round=earlier)


def _hash_or_none(path: Path) -> str | None:
    return sha256_of(path) if path.is_file() else None
