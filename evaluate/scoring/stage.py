"""`segjudge score`: from what was run, or from two folders, to tables of scores."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from data_manifest.progress import Progress, silent
from evaluate.documents.tables import write_table
from evaluate.facts.attempts import RunRecord
from evaluate.facts.errors import Problem, UsageError
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore, LabelScore, ModalityScore
from evaluate.facts.scoring_rules import MEASURED
from evaluate.scoring import CaseResult, jobs_of_folders, jobs_of_run, modality_scores, score_jobs
from evaluate.store import RunDirectory
from evaluate.store.origin import data_of, protocol_of
from evaluate.store.seals import seal_stage

__all__ = [
    "FolderScores",
    "Scores",
    "score_again",
    "score_folders",
    "score_run",
    "tables_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The three tables of scores."""

    cases: list[CaseScore]
    labels: list[LabelScore]
    modalities: list[ModalityScore]


def tables_of(results: list[CaseResult]) -> Scores:
    """The three tables of what was scored."""
    cases = [result.case for result in results]
    labels = [label for result in results for label in result.labels]
    return Scores(cases=cases, labels=labels, modalities=modality_scores(cases))


def score_again(
    run: RunDirectory,
    *,
    manifest_path: Path | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> Scores:
    """Score a run's predictions by the run's protocol, without writing anything."""
    manifest, data_root = data_of(run, manifest_path)
    jobs = jobs_of_run(
        run,
        run.journal(),
        manifest=manifest,
        data_root=data_root,
        teams=run.document().teams,
        limits=run.document().rules_of("run").limits,
    )
    return tables_of(score_jobs(jobs, protocol_of(run), workers=workers, progress=progress))


def score_run(
    root: Path,
    *,
    manifest_path: Path | None = None,
    protocol: Rules | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> Scores:
    """Score what was run, and write the three tables.

    Args:
        root: the run directory.
        manifest_path: where the data lie now, if not where they were.
        protocol: from now on the run's protocol; None to keep the one that it has.
        workers: processes.
        progress: told after every case.
    """
    run = RunDirectory.open(root)
    with run.locked():
        document = run.document().with_rules("score", protocol)
        run.write_run_document(document)
        run.write_rows([entry.record for entry in run.journal().values()], RunRecord)
        scores = score_again(run, manifest_path=manifest_path, workers=workers, progress=progress)
        names = document.rules_of("score").scoring.names
        run.write_rows(scores.labels, LabelScore, metrics=names)
        run.write_rows(scores.cases, CaseScore, metrics=(*names, *MEASURED))
        run.write_rows(scores.modalities, ModalityScore)
        run.write_run_document(msgspec.structs.replace(document, scored_from=run.journal_sha256()))
        tables = (RunRecord, LabelScore, CaseScore, ModalityScore)
        seal_stage(run, "score", *(run.table_path(kind).name for kind in tables))
    return scores


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
    out: Path,
    workers: int | None = None,
    progress: Progress = silent,
) -> FolderScores:
    """Score a folder of predictions against a folder of references, without a run.

    Writes label_scores.csv, case_scores.csv and modality_scores.csv into `out`.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(Problem(where=f"--out {out}", found="a file", expected="a folder"))
    jobs, warnings = jobs_of_folders(references, predictions, output_format=protocol.output.format)
    results = score_jobs(jobs, protocol, workers=workers, progress=progress)
    scores = tables_of(results)
    names = protocol.scoring.names
    write_table(out / "label_scores.csv", scores.labels, LabelScore, metrics=names)
    write_table(out / "case_scores.csv", scores.cases, CaseScore, metrics=(*names, *MEASURED))
    write_table(out / "modality_scores.csv", scores.modalities, ModalityScore)
    return FolderScores(scores=scores, warnings=warnings)
