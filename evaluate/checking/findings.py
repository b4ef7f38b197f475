"""What a check of a submission has found: one record a finding, and how grave it is."""

from dataclasses import dataclass
from enum import StrEnum

from evaluate.checking.catalogue import CATALOGUE

__all__ = ["CheckFinding", "Severity", "gravest_first", "make_finding", "passes"]


class Severity(StrEnum):
    """How grave a finding is.

    A problem costs scores; a warning may, on the organiser's machine or another case; a note is
    worth knowing; ok says what was looked at and found right.
    """

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"
    OK = "ok"


_ORDER = list(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinding:
    """One thing that was looked at in a submission.

    Attributes:
        id: of the check, as `docs/checks.md` lists it.
        severity: how grave it is.
        subject: the case, file or layer that it is about; a stranger's words may be in it.
        expected: what should be there.
        found: what is there.
        why: why it matters.
        mend: what the team can do about it; empty where there is nothing to mend.
    """

    id: str
    severity: Severity
    subject: str
    expected: str
    found: str
    why: str
    mend: str


def make_finding(
    check: str, severity: Severity, *, found: str, subject: str = "", mend: str = ""
) -> CheckFinding:
    """A finding of a check in the catalogue, which says what is expected and why it matters.

    Args:
        check: the check's id.
        severity: how grave it is here.
        found: what is there.
        subject: what it is about; by default the submission.
        mend: how to mend it here; by default the catalogue's words.
    """
    entry = CATALOGUE[check]
    return CheckFinding(
        id=check,
        severity=severity,
        subject=subject or "submission",
        expected=entry.expected,
        found=found,
        why=entry.why,
        mend="" if severity is Severity.OK else mend or entry.mend,
    )


def gravest_first(findings: list[CheckFinding]) -> list[CheckFinding]:
    """Sorted by severity, otherwise in the order in which they were found.

    A check is fine only if nothing else was found by it.
    """
    found = {finding.id for finding in findings if finding.severity is not Severity.OK}
    kept = [f for f in findings if f.severity is not Severity.OK or f.id not in found]
    return sorted(kept, key=lambda finding: _ORDER.index(finding.severity))


def passes(findings: list[CheckFinding]) -> bool:
    """Whether a submission would go through: no problem was found."""
    return all(finding.severity is not Severity.PROBLEM for finding in findings)
