"""Checking: a submission before it is handed in."""

from evaluate.checking.archive_checks import archive_findings
from evaluate.checking.check_findings import CATALOGUE, gravest_first, make_finding
from evaluate.checking.folder_checks import folder_findings
from evaluate.checking.sanity import build_sanity_cases

__all__ = [
    "CATALOGUE",
    "archive_findings",
    "build_sanity_cases",
    "folder_findings",
    "gravest_first",
    "make_finding",
]
