"""`segjudge report`: from a ranked run to a page."""

from pathlib import Path

from data_manifest.manifest import sha256_of
from data_manifest.progress import Progress, silent
from evaluate.facts.errors import RunDirectoryError
from evaluate.facts.scores import CaseScore
from evaluate.reporting.page import write_report
from evaluate.store import RunDirectory
from evaluate.store.origin import data_of


def report_run(
    root: Path, *, manifest_path: Path | None = None, progress: Progress = silent
) -> Path:
    """Write the report of a scored and ranked run; returns its path."""
    run = RunDirectory.open(root)
    with run.locked():
        _, data_root = data_of(run, manifest_path)
        scores = run.table_path(CaseScore)
        if not scores.is_file() or run.document().ranked_from != sha256_of(scores):
            raise RunDirectoryError(
                where=str(root),
                found="scores that were made since it was ranked, or no ranking yet",
                expected="a ranking of these scores",
                mend=f"`segjudge rank {root}`",
            )
        data = data_root if data_root.is_dir() else None
        return write_report(run, data_root=data, progress=progress)
