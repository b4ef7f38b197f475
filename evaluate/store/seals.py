"""Each stage's last act: what it left is written down, for a later audit."""

from datetime import UTC, datetime

from evaluate.documents.run_parts import StageName
from evaluate.facts.machine import describe_host, library_versions
from evaluate.store.directory import RunDirectory
from evaluate.store.sealing import seal


def seal_stage(run: RunDirectory, stage: StageName, *files: str) -> None:
    """Add the stage to evidence.json: files, rules, versions, machine."""
    seal(
        run,
        stage,
        files,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=library_versions(),
        host=describe_host(),
    )
