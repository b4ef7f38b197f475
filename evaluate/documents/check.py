"""The document of `segjudge check --json`: findings and cases."""

from typing import Literal

import msgspec

from data_manifest.findings import Finding, Severity, printable


class _CheckPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the document."""


class CheckedThing(_CheckPart, frozen=True, kw_only=True):
    """One thing that was looked at: a finding, in the words of this document.

    Attributes:
        id: of the check, as `docs/checks.md` lists it.
        severity: how grave it is.
        subject: the case, file or layer that it is about.
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


def checked_thing(finding: Finding) -> CheckedThing:
    """A finding of a check as the document holds it; a stranger's words made printable."""
    return CheckedThing(
        id=printable(finding.code),
        severity=finding.severity,
        subject=printable(finding.where),
        expected=printable(finding.expected),
        found=printable(finding.found),
        why=printable(finding.why),
        mend=printable(finding.mend),
    )


class CheckedCase(_CheckPart, frozen=True, kw_only=True):
    """One case of a check, as it ran and was scored.

    Attributes:
        case: its name.
        modality: its modality.
        dimension: `2D` or `3D`.
        outcome: how it ended.
        reason: why it failed; empty where it did not.
        dsc: its score; None where it is undefined.
        nsd: likewise.
        baseline_dsc: of the answer that never looks at the image.
        baseline_nsd: likewise.
        time_share: of the protocol's limit; None if not measured.
        memory_share: likewise.
        log_tail: the last lines of a failed case's log; empty for others.
    """

    case: str
    modality: str
    dimension: str
    outcome: str
    reason: str
    dsc: float | None
    nsd: float | None
    baseline_dsc: float | None
    baseline_nsd: float | None
    time_share: float | None
    memory_share: float | None
    log_tail: str


class CheckDocument(_CheckPart, frozen=True, kw_only=True):
    """All that a check found.

    Attributes:
        reference: what was checked, as it was given.
        protocol: likewise.
        passed: whether it would go through.
        not_run: why nothing was run; empty if something was.
        findings: the gravest first.
        cases: as they ran.
    """

    schema: Literal[2] = 2
    reference: str
    protocol: str
    passed: bool
    not_run: str
    findings: tuple[CheckedThing, ...]
    cases: tuple[CheckedCase, ...]
