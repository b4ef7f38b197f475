"""Auditing: whether a run's files, scores and places are still what was run, and if not, why."""

from evaluate.auditing.findings import Cause, Cell, Finding

__all__ = [
    "Cause",
    "Cell",
    "Finding",
]
