"""The document of `segjudge published --json`: what of a paper's table holds."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from data_manifest.findings import Finding, Severity


class PrintedThing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What does not hold: a finding, in the words of this document.

    Attributes:
        kind: which check found it; `open` is what could not be checked.
        where: the line and the column.
        printed: what the table has.
        expected: what would follow.
    """

    kind: Literal["range", "average", "copy", "rank", "score", "open"]
    where: str
    printed: str
    expected: str


def printed_thing(finding: Finding) -> PrintedThing:
    """A finding about a paper's table as the document holds it."""
    fields = {
        "kind": finding.code,
        "where": finding.where,
        "printed": finding.found,
        "expected": finding.expected,
    }
    return msgspec.convert(fields, PrintedThing)


class PublishedDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that was looked at.

    Attributes:
        table: its file.
        run: the run directory; None if there was none.
        passed: whether something was checked, and nothing of it is wrong or open.
        checked: what could be checked.
        findings: what is wrong, or open.
        holds: what is right, in words.
        notes: what could not be decided or was not looked at.
    """

    schema: Literal[1] = 1
    table: str
    run: str | None
    passed: bool
    checked: tuple[str, ...]
    findings: tuple[PrintedThing, ...]
    holds: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVerdict:
    """What could be looked at, and what came of it: problems, what is right, what is unknown."""

    checked: tuple[str, ...]
    told: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong or open."""
        return tuple(finding for finding in self.told if finding.is_problem)

    @property
    def holds(self) -> list[str]:
        """What is right."""
        return [finding.found for finding in self.told if finding.severity is Severity.OK]

    @property
    def notes(self) -> list[str]:
        """What is unknown."""
        return [finding.found for finding in self.told if finding.severity is Severity.NOTE]

    @property
    def passed(self) -> bool:
        """Whether something was checked, and nothing of it is wrong or open."""
        return bool(self.checked) and not self.findings

    def document(self, table: str, run: str | None) -> PublishedDocument:
        """The same as a document, of a table beside a run directory or alone."""
        return PublishedDocument(
            table=table,
            run=run,
            passed=self.passed,
            checked=self.checked,
            findings=tuple(map(printed_thing, self.findings)),
            holds=tuple(self.holds),
            notes=tuple(self.notes),
        )
