"""`segjudge check`: the same run and the same scoring, of one submission, and nothing is kept."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from data_manifest.progress import Progress, silent
from evaluate.pipeline.runs import run_submissions
from evaluate.pipeline.scores import score_run
from evaluate.protocol import Protocol
from evaluate.records import CaseScore
from evaluate.sandbox import Sandbox

__all__ = ["CheckedCase", "check_submission"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCase:
    """One case of a check, and the share of each limit that it used."""

    score: CaseScore
    time_share: float | None
    memory_share: float | None


def check_submission(
    reference: str,
    *,
    manifest_path: Path,
    protocol: Protocol,
    sandbox: Sandbox,
    progress: Progress = silent,
) -> list[CheckedCase]:
    """Run and score one submission as `segjudge run` would, and keep nothing."""
    with tempfile.TemporaryDirectory(prefix="segjudge-check-") as scratch:
        root = Path(scratch) / "run"
        run = run_submissions(
            manifest_path=manifest_path,
            protocol=protocol,
            references={"submission": reference},
            root=root,
            sandbox=sandbox,
            progress=progress,
        )
        measured = {key[1]: entry.record for key, entry in run.journal().items()}
        scores = score_run(root, workers=1)
    limits = protocol.limits

    def share(value: float | None, limit: float) -> float | None:
        return None if value is None else value / limit

    return [
        CheckedCase(
            score=case,
            time_share=share(measured[case.case].wall_s, limits.timeout_s),
            memory_share=share(measured[case.case].peak_memory_mib, limits.memory_mib),
        )
        for case in scores.cases
    ]
