"""Scoring: masks and references to a table of labels, cases and modalities."""

from evaluate.scoring.jobs import CaseResult, ScoringJob
from evaluate.scoring.modality_scores import modality_scores
from evaluate.scoring.parallel import score_jobs
from evaluate.scoring.scored_folders import jobs_of_folders

__all__ = [
    "CaseResult",
    "ScoringJob",
    "jobs_of_folders",
    "modality_scores",
    "score_jobs",
]
