"""run.json: what a run was made from, under which rules, where, and what later stages noted."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from evaluate.documents.run_parts import (
    Calibration,
    ManifestReference,
    RankOptions,
    RunPart,
    StageName,
    StageRules,
    SubmissionEntry,
)
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Finding, RunDirectoryError
from evaluate.facts.machine import Machine
from evaluate.facts.rules import Rules, protocol_from_json


class RunDocument(RunPart, frozen=True, kw_only=True):
    """run.json, whole.

    Attributes:
        segjudge: the version that last wrote a run.
        created_at: UTC, ISO 8601.
        finished_at: the same; None while cases are outstanding.
        seed: of the order of turns.
        manifest: the data.
        submissions: by team, sorted.
        rules: every set of rules that a stage went by, whole, by key.
        stages: which of them each stage last went by.
        machines: every machine that attempts were made on, by key, in the order of their coming.
        calibration: of each machine, by the same keys.
        split_cases: whose attempts were made on machines that are not alike; None before the end.
        scored_from: SHA-256 of the journal that the scores were made from.
        ranking: how it was last ranked.
        ranked_from: SHA-256 of the scores that the ranking was made from.
    """

    schema: Literal[2] = 2
    segjudge: str
    created_at: str
    finished_at: str | None = None
    seed: int
    manifest: ManifestReference
    submissions: tuple[SubmissionEntry, ...] = ()
    rules: dict[str, Rules]
    stages: StageRules
    machines: dict[str, Machine]
    calibration: dict[str, Calibration] = msgspec.field(default_factory=dict)
    split_cases: int | None = None
    scored_from: str | None = None
    ranking: RankOptions | None = None
    ranked_from: str | None = None

    def rules_of(self, stage: StageName) -> Rules:
        """The rules that a stage went by, or would go by now."""
        return self.rules[self.rules_key_of(stage)]

    def rules_key_of(self, stage: StageName) -> str:
        """The key of `rules_of`: a stage goes by the rules of the one before it."""
        last = {
            "run": (),
            "score": (self.stages.score,),
            "rank": (self.stages.rank, self.stages.score),
        }
        return next((key for key in last[stage] if key is not None), self.stages.run)

    def rules_of_attempts(self, rules_sha256: str) -> Rules | None:
        """Rules, whole, that attempts of this digest were made under; None if it has none."""
        return next((r for r in self.rules.values() if r.run_sha256 == rules_sha256), None)

    @property
    def teams(self) -> list[str]:
        """Names of all that handed something in."""
        return [entry.team for entry in self.submissions]

    @property
    def last_machine(self) -> Machine:
        """The one that came last."""
        return list(self.machines.values())[-1]

    @property
    def unequal_machines(self) -> str:
        """In words, on which machines attempts were made whose times may not be compared.

        Empty where all are of one computer and one sandbox, or all teams of a case met on one.
        """
        return "" if self.split_cases == 0 else self._said_of_machines

    @property
    def machines_apart(self) -> str:
        """In words, on which machines cases were run that are not alike, each with all its teams.

        Their times may be compared within a case. Empty where there is no such difference.
        """
        return self._said_of_machines if self.split_cases == 0 else ""

    @property
    def _said_of_machines(self) -> str:
        machines = list(self.machines.values())
        if all(machine.is_as_fast_as(machines[0]) for machine in machines):
            return ""
        hosts = [msgspec.to_builtins(m.host) | {"sandbox": m.sandbox.name} for m in machines]
        said = [
            f"{key} {' / '.join(dict.fromkeys(str(host[key]) for host in hosts))}"
            for key in hosts[0]
            if len({str(host[key]) for host in hosts}) > 1
        ]
        return f"{len(machines)} machines ({'; '.join(said) or 'other engines'})"

    @property
    def is_isolated(self) -> bool:
        """Whether every machine contained the submissions."""
        return all(machine.sandbox.isolated for machine in self.machines.values())

    @property
    def is_steady(self) -> bool:
        """Whether no machine drifted or ran several containers at a time."""
        return all(calibration.fair for calibration in self.calibration.values())

    @property
    def load_samples(self) -> list[float]:
        """Seconds of the calibration's load, of all machines."""
        return [sample for known in self.calibration.values() for sample in known.samples]

    def with_rules(self, stage: StageName, rules: Rules | None = None) -> "RunDocument":
        """The document after a stage has gone by these rules; None for those of the one before."""
        key = self.rules_key_of(stage) if rules is None else rules_key(rules)
        return msgspec.structs.replace(
            self,
            rules=self.rules if rules is None else {**self.rules, key: rules},
            stages=msgspec.structs.replace(self.stages, **{stage: key}),
        )

    def reduced_to(self, attempts: Iterable[Attempt]) -> "RunDocument":
        """Without machines and rules that no attempt and no stage has anything to do with."""
        used, made_under, split = set[str](), set[str](), set[str]()
        first: dict[str, str] = {}  # machine of a case
        for attempt in attempts:
            used.add(attempt.machine)
            made_under.add(attempt.rules_sha256)
            if not self._are_alike(
                first.setdefault(attempt.case, attempt.machine), attempt.machine
            ):
                split.add(attempt.case)
        used = used or {self.last_machine.key}
        named = {self.stages.run, self.stages.score, self.stages.rank}
        return msgspec.structs.replace(
            self,
            rules={
                key: rules
                for key, rules in self.rules.items()
                if key in named or rules.run_sha256 in made_under
            },
            machines={key: m for key, m in self.machines.items() if key in used},
            calibration={key: c for key, c in self.calibration.items() if key in used},
            split_cases=len(split),
        )

    def _are_alike(self, one: str, other: str) -> bool:
        if one == other:
            return True
        known = self.machines.get(one), self.machines.get(other)
        return known[0] is not None and known[1] is not None and known[0].is_as_fast_as(known[1])

    def ranked_as_scored(self) -> "RunDocument":
        """The document after a ranking by the rules that the scores were made by."""
        stages = msgspec.structs.replace(self.stages, rank=self.rules_key_of("score"))
        return msgspec.structs.replace(self, stages=stages)

    def with_submission(self, entry: SubmissionEntry) -> "RunDocument":
        """The document with a team's submission in place of an earlier one of that team."""
        others = [known for known in self.submissions if known.team != entry.team]
        merged = sorted([*others, entry], key=lambda known: known.team)
        return msgspec.structs.replace(self, submissions=tuple(merged))


def rules_key(rules: Rules) -> str:
    """The first 12 digits of the rules' SHA-256."""
    return rules.digest()[:12]


def read_run_document(path: Path) -> RunDocument:
    """Read and check run.json.

    Raises:
        RunDirectoryError: it can't be read, is of another schema, or names rules that it has not.
        ProtocolError: its rules are not valid.
    """
    try:
        return decode_run_document(path.read_bytes(), where=str(path))
    except OSError as error:
        problem = Finding(where=str(path), found=f"can't be read: {error}", expected="JSON")
        raise RunDirectoryError(problem) from error


def decode_run_document(data: bytes, *, where: str) -> RunDocument:
    """The same from the file's bytes; `where` names it in messages."""
    try:
        fields = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        problem = Finding(where=where, found=f"can't be read: {error}", expected="JSON")
        raise RunDirectoryError(problem) from error
    if not isinstance(fields, dict) or fields.get("schema") != 2:
        of_first = isinstance(fields, dict) and fields.get("schema") == 1
        raise RunDirectoryError(
            where=where,
            found="a run of segjudge 0.1, which does not say under which rules and on which"
            " machine each case was run"
            if of_first
            else "another format",
            expected="`schema` 2",
            mend="run again into a new folder" if of_first else "",
        )
    try:
        kept = fields.get("rules")
        if isinstance(kept, dict):
            # Read like a file: checked whole, and brought up to the schema of now.
            whole = {key: protocol_from_json(part, where=where) for key, part in kept.items()}
            fields["rules"] = {key: rules.to_json() for key, rules in whole.items()}
        document = msgspec.convert(fields, RunDocument)
    except msgspec.ValidationError as error:
        problem = Finding(where=where, found=f"can't be read: {error}", expected="a run's facts")
        raise RunDirectoryError(problem) from error
    named = {document.stages.run, document.stages.score, document.stages.rank} - {None}
    if not document.machines or not named <= document.rules.keys():
        fault = "no machine, or not the rules that it names"
        raise RunDirectoryError(where=where, found=fault, expected="a run's facts")
    return document
