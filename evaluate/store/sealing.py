"""The evidence that a stage leaves as its last act: see `evaluate.documents.evidence`."""

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from data_manifest.manifest import sha256_of
from evaluate.documents.evidence import Evidence, StageEvidence, read_evidence, write_evidence
from evaluate.documents.run_parts import StageName
from evaluate.facts.machine import Host
from evaluate.store.directory import RunDirectory

SCORING_CODE = (
    *("metrics", "data_manifest"),
    *("evaluate.facts", "evaluate.documents", "evaluate.scoring"),
)
"""Packages that a score passes through."""
_CODE = (*SCORING_CODE, "evaluate.pairing", "evaluate.ranking")
"""Packages that a number passes through on its way from a mask to a place."""


def code_digests(packages: Sequence[str] = _CODE) -> dict[str, str]:
    """SHA-256 of the sources of each package or module, by default those that numbers come from."""
    places: dict[str, list[str]] = {}
    for name in packages:
        spec = importlib.util.find_spec(name)
        alone = [spec.origin] if spec and spec.origin else []
        places[name] = list((spec.submodule_search_locations if spec else None) or alone)
    return {name: digest_of_sources(*map(Path, where)) for name, where in places.items()}


def digest_of_sources(*places: Path) -> str:
    """SHA-256 of the names and bytes of all Python and C files in folders, and of single files."""
    digest = hashlib.sha256()
    for place in places:
        folder = place if place.is_dir() else place.parent
        files = folder.rglob("*") if place.is_dir() else [place]
        for file in sorted(f for f in files if f.suffix in (".py", ".c", ".h")):
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
    """Write down what a stage has left, as its last act."""
    before = read_evidence(run.root)
    document = run.document()
    done = StageEvidence(
        at=at, versions=versions, host=host, code=code_digests(), protocol=document.rules_of(stage)
    )
    evidence = Evidence(
        run=document,
        files=(before.files if before else {})
        | {name: sha256_of(run.root / name) for name in files},
        stages=(before.stages if before else {}) | {stage: done},
    )
    write_evidence(run.root, evidence)
