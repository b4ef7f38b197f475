"""The evidence that a stage leaves as its last act: see `evaluate.documents.evidence`."""

import hashlib
import importlib.util
from pathlib import Path

from data_manifest.manifest import sha256_of
from evaluate.documents.evidence import Evidence, StageEvidence, read_evidence, write_evidence
from evaluate.documents.run import StageName
from evaluate.facts.machine import Host
from evaluate.store.directory import RunDirectory

__all__ = ["code_digests", "digest_of_sources", "seal"]

_CODE = (
    *("metrics", "data_manifest", "evaluate.facts", "evaluate.documents"),
    *("evaluate.scoring", "evaluate.pairing", "evaluate.ranking"),
)
"""Packages that a number passes through on its way from a mask to a place."""


def code_digests() -> dict[str, str]:
    """SHA-256 of the sources of each package that numbers come from."""
    folders = {}
    for name in _CODE:
        spec = importlib.util.find_spec(name)
        folders[name] = list(spec.submodule_search_locations or ()) if spec else []
    return {name: digest_of_sources(*map(Path, where)) for name, where in folders.items()}


def digest_of_sources(*folders: Path) -> str:
    """SHA-256 of the names and bytes of all Python and C files in folders."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(f for f in folder.rglob("*") if f.suffix in (".py", ".c", ".h")):
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def seal(
    run: RunDirectory,
    stage: StageName,
    files: tuple[str, ...],
    *,
    at: str,
    versions: dict[str, str],
    host: Host,
) -> None:
    """Write down what a stage has left, as its last act.

    Args:
        run: the run directory.
        stage: `run`, `score` or `rank`.
        files: names of what it wrote.
        at: now, UTC, ISO 8601.
        versions: of segjudge and its libraries.
        host: the machine.
    """
    before = read_evidence(run.root)
    document = run.document()
    done = StageEvidence(
        at=at,
        versions=versions,
        host=host,
        code=code_digests(),
        protocol=document.rules_of(stage),
    )
    evidence = Evidence(
        run=document,
        files=(before.files if before else {})
        | {name: sha256_of(run.root / name) for name in files},
        stages=(before.stages if before else {}) | {stage: done},
    )
    write_evidence(run.root, evidence)
