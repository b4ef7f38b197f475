"""Each stage's last act: what it left is written down, for a later audit."""

from datetime import UTC, datetime

from evaluate.auditing import seal
from evaluate.running import describe_host, library_versions
from evaluate.store import RunDirectory

__all__ = ["seal_stage"]


def seal_stage(run: RunDirectory, stage: str, *files: str) -> None:
    """Add the stage to evidence.json: files, rules, versions, machine."""
    seal(
        run,
        stage,
        files,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=library_versions(),
        host=describe_host(),
    )
