"""What a run is to do: submissions on cases, in an order, less what already has a valid result."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from data_manifest.manifest import Case, Manifest, sha256_of
from evaluate.facts.attempts import Attempt
from evaluate.facts.machine import Machine
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.turns import Turn, following_job
from evaluate.running.schedule import turns
from evaluate.sandbox import Image
from evaluate.store import RunDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A team and its image; `problem` says why there is no image, which fails every case."""

    team: str
    image: Image | None
    problem: str = ""

    @property
    def digest(self) -> str:
        """Of the image; empty if there is none."""
        return self.image.identity if self.image else ""


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
class Earlier:
    """A round that was made before, and counts: its attempt, and its answer where it left one."""

    attempt: Attempt
    prediction: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One submission's rounds on one case."""

    submission: Submission
    case: Case
    turns: tuple[Turn, ...]
    job_sha256: str
    earlier: tuple[Earlier, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What is to be run of one case: it stays on one machine."""

    series: tuple[Series, ...]


def job_sha256(*, image: str, inputs_sha256: str, rules_sha256: str, sandbox: str) -> str:
    """Of all that decides an attempt's result; a result of another job does not count."""
    facts = {
        "image": image,
        "inputs": inputs_sha256,
        "rules": rules_sha256,
        "sandbox": sandbox,
    }
    return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()


def outstanding(plan: Plan, run: RunDirectory) -> list[Block]:
    """What has no valid result yet, in its order; of a series all rounds from the first such on.

    A result is valid if it is of the same job, not an error of the harness, and its prediction is
    still the file that the run left.
    """
    submissions = {submission.team: submission for submission in plan.submissions}
    cases = {case.id: case for case in plan.manifest.cases}
    rounds = plan.protocol.rounds
    results = {turn: facts for turn, *facts in run.results()}
    attempts = {}
    if rounds.number > 1:
        attempts = {Turn(team=a.team, case=a.case, round=a.round): a for a in run.attempts()}
    blocks = []
    for block in turns(
        list(submissions), {case.id: rounds.of(case) for case in cases.values()}, seed=plan.seed
    ):
        series = []
        for of_team in block:
            submission, case = submissions[of_team[0].team], cases[of_team[0].case]
            job, done = _job_of(plan, submission, case), 0
            for turn in of_team:
                made_by, outcome, prediction = results.get(turn, ("", Outcome.HARNESS_ERROR, None))
                if (
                    made_by != job
                    or outcome == Outcome.HARNESS_ERROR
                    or _hash_or_none(run.files_of(turn)[0]) != prediction
                ):
                    break
                job, done = following_job(job, prediction), done + 1
            if done < len(of_team):
                series.append(
                    Series(
                        submission=submission,
                        case=case,
                        turns=of_team[done:],
                        job_sha256=job,
                        earlier=tuple(_earlier(run, turn, attempts) for turn in of_team[:done]),
                    )
                )
        if series:
            blocks.append(Block(series=tuple(series)))
    return blocks


def _earlier(run: RunDirectory, turn: Turn, attempts: Mapping[Turn, Attempt]) -> Earlier:
    path = run.files_of(turn)[0]
    return Earlier(attempt=attempts[turn], prediction=path if path.is_file() else None)


def _job_of(plan: Plan, submission: Submission, case: Case) -> str:
    return job_sha256(
        image=submission.digest or submission.problem,
        inputs_sha256=case.inputs_sha256,
        rules_sha256=plan.rules_sha256,
        sandbox=plan.machine.sandbox.name,
    )


def _hash_or_none(path: Path) -> str | None:
    return sha256_of(path) if path.is_file() else None
