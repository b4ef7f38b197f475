"""Auditing: whether a run's files, scores and places are still what was run."""

from evaluate.auditing.evidence import Difference, altered_files, altered_ranks, altered_rows

__all__ = ["Difference", "altered_files", "altered_ranks", "altered_rows"]
