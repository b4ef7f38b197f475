"""What a recheck rests on: facts, rules, cases and runs, as far as they can be believed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_manifest.findings import Finding
from data_manifest.manifest import Manifest, sha256_of
from evaluate.auditing.facts import trace_facts
from evaluate.auditing.manifests import manifest_in_order, read_manifest
from evaluate.auditing.table_cells import Table, read_cells
from evaluate.auditing.tracing import environment_changes
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
