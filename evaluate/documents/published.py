"""The document of `segjudge published --json`: what of a paper's table holds."""

from typing import Literal

import msgspec

from data_manifest.findings import Finding


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
