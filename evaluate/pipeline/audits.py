"""`segjudge audit`: a finished run, looked at for proof."""

from datetime import UTC, datetime
from pathlib import Path

from data_manifest.progress import Progress, silent
from evaluate.auditing.examination import Audit, RerunOptions, examine
from evaluate.auditing.rechecking import AtHand
from evaluate.reporting import write_audit_page
from evaluate.sandbox import Sandbox
from evaluate.store import RunDirectory


def audit_run(
    root: Path,
    *,
    manifest_path: Path | None = None,
    sandbox: Sandbox | None = None,
    again: RerunOptions | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> Audit:
    """Check files, scores and places of a run, and write audit.json and report/audit.html."""
    run = RunDirectory.open(root)
    with run.locked():
        audit = examine(
            run,
            at_hand=AtHand(manifest_path=manifest_path, workers=workers),
            sandbox=sandbox,
            again=again,
            progress=progress,
        )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        document = audit.document(audited_at=now)
        run.write_audit(document)
        write_audit_page(run, document)
    return audit
