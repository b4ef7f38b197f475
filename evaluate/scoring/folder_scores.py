"""`segjudge score --predictions`: a folder of predictions against a folder of references."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from data_manifest.findings import Severity, grouped
from data_manifest.progress import Progress, silent
from evaluate.documents.tables import write_table
from evaluate.facts.errors import Finding, UsageError
from evaluate.facts.metric_rules import MEASURED
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.scores import (
    CaseScore,
    CohortScore,
    LabelScore,
    LesionScore,
    ModalityScore,
    RoundScore,
)
from evaluate.scoring import ScoringJob, jobs_of_folders, score_jobs
from evaluate.scoring.in_rounds import in_rounds
from evaluate.scoring.score_tables import Scores, tables_of

_SHOWN = 3


_SEVERAL = 2
"""Files that are bad for one reason: of a single one nobody knows what the others would be."""


def _refuse_one_reason(
    predictions: Path, jobs: Sequence[ScoringJob], failed: Sequence[CaseScore]
) -> None:
    """All files bad for one reason are no team's failure but a mistake of the command's."""
    bad = [case for case in failed if case.outcome is Outcome.BAD_OUTPUT]
    note = Severity.NOTE
    alike = grouped(Finding(where=case.case, found=case.reason, severity=note) for case in bad)
    if len(alike) != 1 or len(bad) < max(_SEVERAL, sum(job.prediction is not None for job in jobs)):
        return
    raise UsageError(
        where=f"--predictions {predictions}",
        found=f"{len(bad)} of {len(jobs)} files fail for one reason; {bad[0].case}:"
        f" {bad[0].reason}",
        mend="convert them, or name a protocol whose `output` is as they are; no table is written",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderScores:
    """What `score_folders` made, and what it noticed."""

    scores: Scores
    warnings: list[str]


def score_folders(
    *,
    references: Path,
    predictions: Path,
    protocol: Rules,
    out: Path | None,
    workers: int | None = None,
    progress: Progress = silent,
) -> FolderScores:
    """Score a folder of predictions against a folder of references, without a run.

    Writes label_scores.csv, case_scores.csv and modality_scores.csv into `out`, if it is named, and
    what other tables the protocol has.

    Raises:
        UsageError: the folders don't fit each other, or no prediction can be read, all for one
            reason.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise UsageError(where=f"--out {out}", found="a file", expected="a folder")
    masks = protocol.references.masks(protocol.output)
    protocol = msgspec.structs.replace(protocol, output=masks)
    jobs, warnings = jobs_of_folders(
        references, predictions, output=masks, named=protocol.references, rounds=protocol.rounds
    )
    results = score_jobs(jobs, protocol, workers=workers, progress=progress)
    scores = tables_of(list(in_rounds(results, protocol)), protocol.scoring)
    failed = [case for case in scores.cases if case.outcome.is_failure]
    _refuse_one_reason(predictions, jobs, failed)
    if failed:
        shown = "; ".join(f"{case.case}: {case.reason}" for case in failed[:_SHOWN])
        warnings.append(
            f"{len(failed)} of {len(scores.cases)} cases failed ({shown});"
            " case_scores.csv lists them"
        )
    unread = [case for case in scores.cases if case.outcome is Outcome.HARNESS_ERROR]
    if unread:
        shown = "; ".join(f"{case.case}: {case.reason}" for case in unread[:_SHOWN])
        warnings.append(
            f"{len(unread)} of {len(scores.cases)} cases have no score, by an error of yours and"
            f" not of the team ({shown}); case_scores.csv lists them as {Outcome.HARNESS_ERROR}"
        )
    if out is not None:
        _write_tables(out, scores, protocol)
    return FolderScores(scores=scores, warnings=warnings)


def _write_tables(out: Path, scores: Scores, protocol: Rules) -> None:
    scoring = protocol.scoring
    names, of_cases = scoring.names, (*scoring.case_names, *MEASURED)
    out.mkdir(parents=True, exist_ok=True)
    # All are whole before the first takes its place: a full disk must not leave two of one call.
    with tempfile.TemporaryDirectory(prefix=".scores.", dir=out) as scratch:
        new = Path(scratch)
        write_table(new / "label_scores.csv", scores.labels, LabelScore, metrics=names)
        write_table(new / "case_scores.csv", scores.cases, CaseScore, metrics=of_cases)
        write_table(new / "modality_scores.csv", scores.modalities, ModalityScore)
        if scoring.cohort:
            write_table(new / "cohort_scores.csv", scores.cohort, CohortScore)
        if scoring.lesions:
            write_table(new / "lesion_scores.csv", scores.lesions, LesionScore)
        if protocol.rounds.number > 1:
            write_table(new / "round_scores.csv", scores.rounds, RoundScore, metrics=names)
        for table in sorted(new.iterdir()):
            table.replace(out / table.name)
