"""Auditing: whether a run's files, scores and places are still what was run, and if not, why."""

from evaluate.auditing.evidence import Evidence, Stage, code_digests, read_evidence, seal
from evaluate.auditing.findings import Cause, Cell, Finding

__all__ = [
    "Cause",
    "Cell",
    "Evidence",
    "Finding",
    "Stage",
    "code_digests",
    "read_evidence",
    "seal",
]
