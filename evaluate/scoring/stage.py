"""`segjudge score`: from what was run to tables of scores."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from data_manifest.progress import Progress, silent
from evaluate.cluster import ClusterAddress
from evaluate.documents.tables import in_order
from evaluate.facts.attempts import Attempt
from evaluate.facts.metric_rules import MEASURED
from evaluate.facts.rules import Rules
from evaluate.facts.scores import (
    CaseScore,
    CohortScore,
    LabelScore,
    LesionScore,
    ModalityScore,
    RoundScore,
)
from evaluate.scoring import CaseResult, ScoringJob, modality_scores
from evaluate.scoring.in_rounds import in_rounds
from evaluate.scoring.kept import score_what_is_new
from evaluate.scoring.mask_sources import Digests, jobs_of_run, plain_digests
from evaluate.scoring.one_set_of_rules import check_rules, refuse_lost_results
from evaluate.scoring.score_tables import RunScores, cohort_of
from evaluate.scoring.unlike_labels import LabelsSeen
from evaluate.store import RunDirectory
from evaluate.store.origin import data_of
from evaluate.store.seals import seal_stage


def _jobs(
    run: RunDirectory, manifest_path: Path | None, *, digests: Digests = plain_digests
) -> list[ScoringJob]:
    """What is to be scored of a run, in the order of its tables."""
    manifest, data_root = data_of(run, manifest_path)
    jobs = jobs_of_run(
        run,
        run.journal(),
        manifest=manifest,
        data_root=data_root,
        teams=run.document().teams,
        rules=run.document().rules_of("run"),
        with_prompts=run.document().rules_of("score").scoring.needs_prompts,
        digests=digests,
    )
    return sorted(jobs, key=lambda job: (job.team, job.case, job.round))


def _write_scores(run: RunDirectory, results: Iterable[CaseResult], rules: Rules) -> RunScores:
    """The tables; labels are written as they come, since there may be very many."""
    scoring = rules.scoring
    cases: list[CaseScore] = []
    rounds: list[RoundScore] = []
    kept: list[LabelScore] = []  # only where a number over cases needs them
    lesions: list[LesionScore] = []
    seen = LabelsSeen()

    def labels() -> Iterator[LabelScore]:
        for result in in_rounds(results, rules):
            cases.append(result.case)
            rounds.extend(result.rounds)
            lesions.extend(result.lesions)
            seen.add(result.case, result.labels)
            if scoring.cohort:
                kept.extend(result.labels)
            yield from sorted(result.labels, key=lambda row: in_order(row.label))

    names = scoring.names
    run.write_rows(labels(), LabelScore, metrics=names, as_they_come=True)
    run.write_rows(cases, CaseScore, metrics=(*scoring.case_names, *MEASURED))
    scores = RunScores(
        cases=cases,
        scoring=scoring,
        unlike=seen.unlike,
        alike=list(seen.told()),
        rounds=rounds,
        modalities=modality_scores(cases),
        cohort=cohort_of(cases, kept, scoring),
    )
    run.write_rows(scores.modalities, ModalityScore)
    if scoring.cohort:
        run.write_rows(scores.cohort, CohortScore)
    if scoring.lesions:
        run.write_rows(lesions, LesionScore)
    if rules.rounds.number > 1:
        run.write_rows(scores.rounds, RoundScore, metrics=names)
    return scores


def score_run(
    root: Path,
    *,
    manifest_path: Path | None = None,
    protocol: Rules | None = None,
    workers: int | None = None,
    cluster: ClusterAddress | None = None,
    progress: Progress = silent,
) -> RunScores:
    """Score what was run and not scored so before, and write the three tables.

    Args:
        root: the run directory.
        manifest_path: where the data lie now, if not where they were.
        protocol: from now on the rules of its scores and ranking, which may not differ in what
            decided the run; None to keep those that it has.
        workers: processes.
        cluster: on whose machines to score; None for this one.
        progress: told after every case.

    Raises:
        RunDirectoryError: teams were run under different rules, or under others than these, or
            results are lost that tables have.
    """
    run = RunDirectory.open(root)
    with run.locked():
        document = run.document().with_rules("score", protocol)
        attempts = list(run.attempts())
        refuse_lost_results(run, attempts)
        check_rules(document, attempts, document.rules_of("score"), where=str(root))
        run.write_run_document(document)
        run.write_rows(attempts, Attempt)
        with run.score_cache() as cache:
            jobs = _jobs(run, manifest_path, digests=cache.digests)
            results = score_what_is_new(
                jobs,
                document.rules_of("score"),
                cache,
                workers=workers,
                cluster=cluster,
                progress=progress,
            )
            scores = _write_scores(run, results, document.rules_of("score"))
        run.write_run_document(msgspec.structs.replace(document, scored_from=run.journal_sha256()))
        tables: list[type] = [Attempt, LabelScore, CaseScore, ModalityScore]
        tables += [CohortScore] if document.rules_of("score").scoring.cohort else []
        tables += [LesionScore] if document.rules_of("score").scoring.lesions else []
        tables += [RoundScore] if document.rules_of("score").rounds.number > 1 else []
        seal_stage(run, "score", *(run.table_path(kind).name for kind in tables))
    return scores
