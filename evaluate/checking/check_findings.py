"""Findings of a check of a submission, in the words of `catalogue.toml`, as in `docs/checks.md`."""

from pathlib import Path

import msgspec

from data_manifest.findings import Finding, Severity


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One check's words."""

    looks_at: str
    expected: str
    why: str
    mend: str


CATALOGUE = msgspec.toml.decode(
    Path(__file__).with_name("catalogue.toml").read_bytes(), type=dict[str, Check]
)


_ORDER = list(Severity)


def make_finding(
    check: str,
    severity: Severity = Severity.PROBLEM,
    *,
    found: str,
    subject: str = "",
    mend: str = "",
) -> Finding:
    """A finding of a check in the catalogue, which says what is expected and why it matters.

    The subject is the submission by default, and the words to mend it are the catalogue's.
    """
    entry = CATALOGUE[check]
    return Finding(
        code=check,
        severity=severity,
        where=subject or "submission",
        expected=entry.expected,
        found=found,
        why=entry.why,
        mend="" if severity is Severity.OK else mend or entry.mend,
    )


def nothing_found(check: str, found: str) -> Finding:
    """That a check was made, and all is right."""
    return make_finding(check, Severity.OK, found=found)


def hit(
    check: str, case: str, found: str, severity: Severity = Severity.PROBLEM, mend: str = ""
) -> Finding:
    """What was noticed on one case, in no words of the catalogue yet."""
    return Finding(code=check, severity=severity, where=case, found=found, mend=mend)


def gravest_first(findings: list[Finding]) -> list[Finding]:
    """Sorted by severity, otherwise in the order in which they were found.

    A check is fine only if nothing else was found by it.
    """
    told = {finding.code for finding in findings if finding.severity is not Severity.OK}
    kept = [f for f in findings if f.severity is not Severity.OK or f.code not in told]
    return sorted(kept, key=lambda finding: _ORDER.index(finding.severity))
