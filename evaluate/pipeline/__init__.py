"""The stages, wired: each function is one command's work and leaves its run directory whole."""

from evaluate.pipeline.proofs import Audit, CheckedCase, audit_run, check_submission
from evaluate.pipeline.results import (
    FolderScores,
    Scores,
    rank_run,
    rank_table,
    report_run,
    score_folders,
    score_run,
)
from evaluate.pipeline.runs import parse_submissions, run_submissions

__all__ = [
    "Audit",
    "CheckedCase",
    "FolderScores",
    "Scores",
    "audit_run",
    "check_submission",
    "parse_submissions",
    "rank_run",
    "rank_table",
    "report_run",
    "run_submissions",
    "score_folders",
    "score_run",
]
