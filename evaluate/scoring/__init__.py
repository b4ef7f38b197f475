"""Scoring: masks and references to a table of labels, cases and modalities."""

from evaluate.scoring.folders import jobs_of_folders
from evaluate.scoring.jobs import CaseResult, ScoringJob
from evaluate.scoring.modality_scores import modality_scores
from evaluate.scoring.parallel import score_jobs
from evaluate.scoring.sources import jobs_of_run

__all__ = [
    "CaseResult",
    "ScoringJob",
    "jobs_of_folders",
    "jobs_of_run",
    "modality_scores",
    "score_jobs",
]
