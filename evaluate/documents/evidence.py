"""evidence.json: what each stage left behind, so that whatever is changed later is found and named.

It stands in the run directory beside what it speaks of: it finds accidents and edits that do not
know of it. Against an edit of everything at once only a signature helps; see `docs/audit.md`.
"""

from pathlib import Path
from typing import Literal

import msgspec

from evaluate.documents.run import RunDocument
from evaluate.documents.tables import write_document
from evaluate.facts.machine import Host
from evaluate.facts.rules import Rules

_NAME = "evidence.json"


class StageEvidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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

    schema: Literal[2] = 2
    run: RunDocument
    files: dict[str, str]
    stages: dict[str, StageEvidence]

    @property
    def protocol(self) -> Rules:
        """The rules that the tables were made by: scoring's, as far as it came."""
        scored = self.stages.get("score")
        return scored.protocol if scored else self.run.rules_of("run")


def read_evidence(root: Path) -> Evidence | None:
    """The evidence of a run directory; None if there is none that can be read."""
    try:
        return msgspec.json.decode((root / _NAME).read_bytes(), type=Evidence)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def write_evidence(root: Path, evidence: Evidence) -> None:
    """Write the evidence of a run directory, atomically."""
    write_document(root / _NAME, evidence)
