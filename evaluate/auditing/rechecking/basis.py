"""What a recheck rests on: facts, rules, cases and runs, as far as they can be believed."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from data_manifest.findings import Cell, Finding
from data_manifest.manifest import Manifest, sha256_of
from evaluate.auditing.manifests import manifest_in_order, read_manifest
from evaluate.auditing.table_cells import Table, differing_leaves, read_cells
from evaluate.auditing.tracing import environment_changes
from evaluate.documents.audit import Cause
from evaluate.documents.evidence import Evidence, read_evidence
from evaluate.documents.journal import JournalEntry
from evaluate.documents.run import RunDocument
from evaluate.documents.tables import write_table
from evaluate.facts.errors import RunDirectoryError
from evaluate.facts.machine import library_versions
from evaluate.facts.rules import Rules
from evaluate.sandbox.scratch import scratch_folder
from evaluate.store import RunDirectory
from evaluate.store.sealing import code_digests


def trace_facts(document: RunDocument, evidence: Evidence | None) -> list[Finding]:
    """Every value of run.json that is not as the last stage left it, with its cause."""
    if evidence is None:
        return [
            Finding(
                code=Cause.NO_EVIDENCE,
                where="evidence.json",
                expected="what each stage left (`segjudge score` and `rank` write it)",
                found="no such file, or one that can't be read",
            )
        ]
    if document.finished_at is None:
        return [
            Finding(
                code=Cause.UNFINISHED,
                where="run.json, finished_at",
                expected="a run that was cut off",
                found="no end: the same `segjudge run` finishes it",
            )
        ]
    # Of the rules in run.json, those that the tables were made by are the sealed ones.
    key = evidence.run.rules_key_of("score")
    sealed = msgspec.structs.replace(
        evidence.run, rules={**evidence.run.rules, key: evidence.protocol}
    )
    before, now = _plain(sealed), _plain(document)
    findings = []
    del before["submissions"], now["submissions"]
    old, new = _by_team(sealed), _by_team(document)
    for first, second in itertools.combinations(sorted(old.keys() & new.keys()), 2):
        if old[first] != old[second] == new[first] and new[second] == old[first]:
            findings.append(_swap(first, second, differing_leaves("run.json", old, new)))
            new[first], new[second] = old[first], old[second]
    for team in sorted(old.keys() | new.keys()):
        cells = differing_leaves("run.json, submissions", old.get(team, {}), new.get(team, {}))
        findings += [_finding(Cause.FACTS, cell, team) for cell in cells]
    for cell in differing_leaves("run.json", before, now):
        is_rule = cell.where.startswith(("run.json, rules.", "run.json, stages."))
        findings.append(_finding(Cause.PROTOCOL if is_rule else Cause.FACTS, cell))
    return findings


def _by_team(document: RunDocument) -> dict[str, object]:
    """The submissions as plain data by team, so that an order is no difference."""
    named: dict[str, object] = {}
    for submission in document.submissions:
        facts = _plain(submission)
        del facts["team"]
        named[submission.team] = facts
    return named


def _plain(record: msgspec.Struct) -> dict[str, object]:
    return msgspec.json.decode(msgspec.json.encode(record), type=dict[str, object])


def _finding(cause: Cause, cell: Cell, team: str = "") -> Finding:
    return Finding(
        code=cause,
        where=cell.where,
        expected=cell.recorded,
        found=cell.found,
        teams=(team,) if team else (),
    )


def _swap(first: str, second: str, cells: list[Cell]) -> Finding:
    return Finding(
        code=Cause.SWAPPED,
        where="run.json, submissions",
        expected=f"{first} and {second}",
        found=f"what is {first}'s stands under {second}, and the other way round",
        teams=(first, second),
        cells=tuple(cells),
    )


Journal = dict[tuple[str, str, int], JournalEntry]
Pair = tuple[str, str]
"""Team and case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHand:
    """What of a run there is to look at.

    Attributes:
        manifest_path: of the data, if they are not where the run says.
        images: whether the inputs are there.
        references: whether the references are there; without them no case is scored again.
        workers: processes to score in; None for one a CPU.
        journal: the runs, where they do not stand in the run directory (as in a bundle).
    """

    manifest_path: Path | None = None
    images: bool = True
    references: bool = True
    workers: int | None = None
    journal: Journal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the levels of a recheck rest on.

    Attributes:
        run: the run directory.
        at_hand: what there is to look at.
        evidence: what the stages left; None if nothing says so.
        document: run.json as the last stage left it: from edited facts nothing follows.
        edited: run.json as it is.
        protocol: the rules that the tables were made by.
        manifest: the cases.
        data_root: where their files are.
        journal: the runs.
        findings: what reading all this has shown.
    """

    run: RunDirectory
    at_hand: AtHand
    evidence: Evidence | None
    document: RunDocument
    edited: RunDocument
    protocol: Rules
    manifest: Manifest
    data_root: Path
    journal: Journal
    findings: tuple[Finding, ...]

    @property
    def teams(self) -> list[str]:
        """Their names."""
        return self.document.teams

    @property
    def is_another_journal(self) -> bool:
        """Whether runs were added or changed since they were scored; a bundle can't tell."""
        if self.at_hand.journal is not None:
            return False
        return self.document.scored_from != self.run.journal_sha256()

    def intact(self, name: str) -> bool | None:
        """Whether a file's bytes are those that its stage wrote; None where that is not known."""
        sealed = self.evidence.files.get(name) if self.evidence else None
        path = self.run.root / name
        if sealed is None:
            return None
        return path.is_file() and sha256_of(path) == sealed

    def environment(self, stage: str) -> str:
        """In words, which versions are others than when the stage was done."""
        then = self.evidence.stages.get(stage) if self.evidence else None
        if then is None:
            return ""
        return environment_changes(
            {"versions": then.versions, "code": then.code},
            {"versions": library_versions(), "code": code_digests()},
        )


def made_again(name: str, rows: Sequence[Any], kind: type) -> Table:
    """A table as it would be written now, read as text."""
    with scratch_folder() as folder:
        path = folder / name
        write_table(path, rows, kind)
        return read_cells(path)


def read_basis(run: RunDirectory, at_hand: AtHand) -> Basis:
    """Read all that a recheck rests on.

    Raises:
        SegjudgeError: run.json or the manifest can't be read at all, or the data are not at hand.
    """
    evidence = read_evidence(run.root)
    edited = run.document()
    findings = trace_facts(edited, evidence)
    document = evidence.run if evidence else edited
    digest = document.manifest.sha256
    where = at_hand.manifest_path or Path(document.manifest.path)
    if at_hand.manifest_path is not None and at_hand.manifest_path.exists():
        _check_same(run, at_hand.manifest_path, digest)
    manifest, more = read_manifest(run.root / "manifest.json", digest=digest, others=[where])
    if at_hand.references and not any(
        (where.parent / case.reference.path).is_file() for case in manifest.cases
    ):
        raise RunDirectoryError(
            where=str(where.parent),
            found="none of the run's references",
            expected="the data that the run was made on",
            mend="name their manifest with `--manifest`",
        )
    return Basis(
        run=run,
        at_hand=at_hand,
        evidence=evidence,
        document=document,
        edited=edited,
        protocol=evidence.protocol if evidence else document.rules_of("score"),
        manifest=manifest,
        data_root=where.parent,
        journal=run.journal() if at_hand.journal is None else at_hand.journal,
        findings=(*findings, *more),
    )


def _check_same(run: RunDirectory, given: Path, digest: str) -> None:
    if manifest_in_order(given).digest() != digest:
        raise RunDirectoryError(
            where=f"--manifest {given}",
            found="a manifest of other data",
            expected=f"the one that {run.root} was run on",
        )
