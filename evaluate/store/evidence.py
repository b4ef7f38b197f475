"""evidence.json: what each stage left behind, so that whatever is changed later is found and named.

It stands in the run directory beside what it speaks of: it finds accidents and edits that do not
know of it. Against an edit of everything at once only a signature helps; see `docs/audit.md`.
"""

import hashlib
import importlib.util
from pathlib import Path

import msgspec

from data_manifest.manifest import sha256_of
from evaluate.documents.run import RunDocument, StageName
from evaluate.documents.tables import write_json
from evaluate.facts.machine import Host
from evaluate.facts.rules import Rules
from evaluate.store.directory import RunDirectory

__all__ = [
    "Evidence",
    "Stage",
    "code_digest",
    "code_digests",
    "read_evidence",
    "scoring_code_sha256",
    "seal",
]

NAME = "evidence.json"
_SCORING = ("metrics", "data_manifest", "evaluate.facts", "evaluate.documents", "evaluate.scoring")
_CODE = (*_SCORING, "evaluate.pairing", "evaluate.ranking")
"""Whatever a number passes through, from the files to the tables."""


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stage, as it ended.

    Attributes:
        at: UTC, ISO 8601.
        versions: of segjudge and its libraries.
        host: the machine.
        code: SHA-256 of the packages that numbers come from, by name.
        protocol: the rules that it went by, whole.
    """

    at: str
    versions: dict[str, str]
    host: Host
    code: dict[str, str]
    protocol: Rules


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run directory held when its last stage ended.

    Attributes:
        run: run.json.
        files: SHA-256 of every table, by name.
        stages: `run`, `score` and `rank`, as far as they came.
    """

    schema: int
    run: RunDocument
    files: dict[str, str]
    stages: dict[str, Stage]

    @property
    def protocol(self) -> Rules:
        """The rules that the tables were made by: scoring's, as far as it came."""
        scored = self.stages.get("score")
        return scored.protocol if scored else self.run.rules_of("run")


def code_digests() -> dict[str, str]:
    """SHA-256 of the sources of each package that numbers come from."""
    return {name: code_digest(name) for name in _CODE}


def scoring_code_sha256(*packages: str) -> str:
    """SHA-256 of all code that a score comes from.

    Args:
        packages: others' that a protocol takes metrics from.
    """
    digest = hashlib.sha256()
    for name in (*_SCORING, *packages):
        digest.update(f"{name} {code_digest(name)}\n".encode())
    return digest.hexdigest()


def code_digest(package: str) -> str:
    """SHA-256 of a package's sources, of a module's file."""
    spec = importlib.util.find_spec(package)
    digest = hashlib.sha256()
    if spec and spec.origin and spec.submodule_search_locations is None:
        digest.update(Path(spec.origin).read_bytes())
    for folder in map(Path, (spec.submodule_search_locations or ()) if spec else ()):
        for file in sorted(f for f in folder.rglob("*") if f.suffix in (".py", ".c", ".h")):
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def read_evidence(root: Path) -> Evidence | None:
    """The evidence of a run directory; None if there is none that can be read."""
    try:
        return msgspec.json.decode((root / NAME).read_bytes(), type=Evidence)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


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
    done = Stage(
        at=at,
        versions=versions,
        host=host,
        code=code_digests(),
        protocol=document.rules_of(stage),
    )
    evidence = Evidence(
        schema=2,
        run=document,
        files=(before.files if before else {})
        | {name: sha256_of(run.root / name) for name in files},
        stages=(before.stages if before else {}) | {stage: done},
    )
    write_json(run.root / NAME, msgspec.to_builtins(evidence))
