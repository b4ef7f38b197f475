"""The document of `segjudge doctor --json`: each thing that was looked at on a machine."""

from pathlib import Path
from typing import Literal

import msgspec

from data_manifest.findings import Finding, Severity
from evaluate.documents.tables import write_document


class ExaminedThing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that was looked at: a finding, in the words of this document.

    Attributes:
        subject: what was looked at.
        found: what is there.
        good: whether it is as it should be.
        meaning: what this one means for results, and how to mend it; empty if good.
        bears_on: what it is to the results, good or not.
    """

    subject: str
    found: str
    good: bool
    meaning: str
    bears_on: str


class DoctorDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that was looked at.

    Attributes:
        engine: whether a container engine answers.
        findings: in the order in which they were looked at.
    """

    schema: Literal[1] = 1
    engine: bool
    findings: tuple[ExaminedThing, ...]


def write_doctor_document(path: Path, findings: list[Finding], *, engine: bool) -> None:
    """Write the document, atomically."""
    things = tuple(
        ExaminedThing(
            subject=finding.where,
            found=finding.found,
            good=finding.severity is Severity.OK,
            meaning=finding.mend,
            bears_on=finding.why,
        )
        for finding in findings
    )
    write_document(path, DoctorDocument(engine=engine, findings=things))
