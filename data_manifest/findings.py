"""The one shape of "something is wrong", or was looked at and is right: a finding, in facts."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Cell", "Finding", "Severity", "passes", "printable"]


def printable(text: str) -> str:
    r"""Make a stranger's text safe for one line of a terminal or a table.

    >>> printable("a\nb\x1b[31m")
    'a\\nb\\x1b[31m'
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in text.encode("utf-8", "backslashreplace").decode("utf-8")
    )


class Severity(StrEnum):
    """How grave a finding is.

    A problem costs scores, or leaves a result open; a warning may, on another machine or another
    case; a note is worth knowing; ok says what was looked at and found right.
    """

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a table, or one value of a document, that is not what it should be."""

    where: str
    recorded: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or that was looked at.

    Attributes:
        where: the file, option, key, case or cell that it is about.
        found: what is there.
        expected: what should be there, or what was recorded; may be empty where `found` says all.
        mend: what the reader can do about it.
        severity: how grave it is.
        code: which check it is of, or its cause, by a word that documents keep.
        why: why it matters.
        teams: whose results it touches; empty for all.
        cases: which cases it touches; empty for all.
        cells: the cells of the tables that it explains.
    """

    where: str
    found: str
    expected: str = ""
    mend: str = ""
    severity: Severity = Severity.PROBLEM
    code: str = ""
    why: str = ""
    teams: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ()

    @property
    def is_problem(self) -> bool:
        """Whether it keeps what was looked at from passing."""
        return self.severity is Severity.PROBLEM

    def __str__(self) -> str:
        """One line: where, found, expected, how to mend it."""
        parts = [f"{self.where}: {self.found}"]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.mend:
            parts.append(self.mend)
        return printable("; ".join(parts))


def passes(findings: Iterable[Finding]) -> bool:
    """Whether nothing of it is a problem."""
    return not any(finding.is_problem for finding in findings)
