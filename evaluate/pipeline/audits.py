"""`segjudge audit`: a finished run, looked at for proof."""

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_manifest.progress import Progress, silent
from evaluate.auditing import Finding, read_evidence
from evaluate.pipeline.rechecks import recheck
from evaluate.running import describe_host, library_versions
from evaluate.sandbox import Sandbox
from evaluate.store import RunDirectory
from evaluate.tables import write_json

__all__ = ["Audit", "audit_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found; it passes if nothing is open.

    Attributes:
        findings: everything that is not as the run left it, each with its cause.
        checked: how much was looked at, by kind.
        notes: what a reader should know and what leaves nothing open.
        environment: the machine and the versions, then and now.
    """

    findings: list[Finding]
    checked: dict[str, int]
    notes: list[str]
    environment: dict[str, Any]

    @property
    def open(self) -> list[Finding]:
        """The findings that someone has to explain."""
        return [finding for finding in self.findings if not finding.is_harmless]

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return not self.open

    def to_json(self) -> dict[str, Any]:
        """The document of audit.json."""
        return {"schema": 2, "passed": self.passed, **dataclasses.asdict(self)}


def audit_run(
    root: Path,
    *,
    manifest_path: Path | None = None,
    sandbox: Sandbox | None = None,
    progress: Progress = silent,
) -> Audit:
    """Check files, scores and places of a run, and write audit.json.

    Args:
        root: the run directory.
        manifest_path: where the data lie now, if not where they were.
        sandbox: where the submissions are run again; None to leave that out.
        progress: told after every case.
    """
    run = RunDirectory.open(root)
    with run.locked():
        found = recheck(run, manifest_path=manifest_path, progress=progress)
        audit = Audit(
            findings=found.findings,
            checked=found.checked,
            notes=[],
            environment=_environment(run),
        )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(root / "audit.json", {"audited_at": now, **audit.to_json()})
    return audit


def _environment(run: RunDirectory) -> dict[str, Any]:
    """The machine and the versions of each stage, and of this audit."""
    evidence = read_evidence(run.root)
    stages = evidence.stages if evidence else {}
    return {
        "then": {
            name: {"at": stage.at, "host": stage.host, "versions": stage.versions}
            for name, stage in sorted(stages.items())
        },
        "now": {"host": describe_host(), "versions": library_versions()},
    }
