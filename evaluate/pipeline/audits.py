"""`segjudge audit`: a finished run, looked at for proof."""

import dataclasses
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from data_manifest.progress import Progress, silent
from evaluate.auditing import Difference, altered_files, altered_ranks, altered_rows
from evaluate.pipeline.places import rank_result
from evaluate.pipeline.runs import run_submissions
from evaluate.pipeline.scores import data_of, protocol_of, score_again
from evaluate.records import CaseScore, LabelScore, ModalityScore, Outcome
from evaluate.sandbox import Sandbox
from evaluate.store import RunDirectory
from evaluate.tables import write_json

__all__ = ["Audit", "audit_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found; it passes if nothing differs and nothing is open.

    Attributes:
        files: hashes that do not match.
        scores: cells that the predictions and references do not give again.
        ranks: places that the scores do not give again.
        rerun: predictions that the submissions did not give again; None if they were not run.
        open: cases without a result of their own (failures on our side).
    """

    files: list[Difference]
    scores: list[Difference]
    ranks: list[Difference]
    rerun: list[Difference] | None
    open: list[str]

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return not (self.files or self.scores or self.ranks or self.rerun or self.open)


def audit_run(
    root: Path,
    *,
    manifest_path: Path | None = None,
    sandbox: Sandbox | None = None,
    progress: Progress = silent,
) -> Audit:
    """Check files, scores and places of a run; with a sandbox, run the submissions again too.

    Writes audit.json. Scores are only computed again where the files are intact: of altered files
    nothing follows.
    """
    run = RunDirectory.open(root)
    with run.locked():
        manifest, data_root = data_of(run, manifest_path)
        journal = run.journal()
        files = altered_files(run, journal.values(), manifest, data_root)
        scores: list[Difference] = []
        if not files:
            again = score_again(run, manifest_path=manifest_path, progress=progress)
            scores += altered_rows(run.table_path(LabelScore), again.labels, LabelScore)
            scores += altered_rows(run.table_path(CaseScore), again.cases, CaseScore)
            scores += altered_rows(run.table_path(ModalityScore), again.modalities, ModalityScore)
        ranks = altered_ranks(run.root / "ranking.json", rank_result(run).to_json())
        rerun = None
        if sandbox is not None and not files:
            rerun = _run_again(run, data_root / "manifest.json", sandbox, progress)
        audit = Audit(
            files=files,
            scores=scores,
            ranks=ranks,
            rerun=rerun,
            open=[
                f"{entry.record.team} {entry.record.case}: {entry.record.reason}"
                for entry in journal.values()
                if entry.record.outcome is Outcome.HARNESS_ERROR
            ],
        )
        write_json(
            root / "audit.json",
            {
                "schema": 1,
                "audited_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "passed": audit.passed,
                **dataclasses.asdict(audit),
            },
        )
    return audit


def _run_again(
    run: RunDirectory, manifest_path: Path, sandbox: Sandbox, progress: Progress
) -> list[Difference]:
    """Every submission on every case once more; outcomes and predictions compared bit for bit."""
    facts = run.facts()
    with tempfile.TemporaryDirectory(prefix="segjudge-audit-") as scratch:
        second = run_submissions(
            manifest_path=manifest_path,
            protocol=protocol_of(run),
            references={s["team"]: s["reference"] for s in facts["submissions"]},
            root=Path(scratch) / "run",
            sandbox=sandbox,
            seed=facts["seed"],
            progress=progress,
        )
        again = second.journal()
    differences = []
    for key, entry in run.journal().items():
        found = again[key]
        before = (entry.record.outcome, entry.prediction_sha256)
        now = (found.record.outcome, found.prediction_sha256)
        if before != now:
            differences.append(
                Difference(
                    where=f"{entry.record.team} {entry.record.case}",
                    recorded=f"{before[0]}, prediction {before[1]}",
                    found=f"{now[0]}, prediction {now[1]}",
                )
            )
    return differences
