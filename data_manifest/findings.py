"""The one shape of "something is wrong", or was looked at and is right: a finding, in facts."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias


def printable(text: str) -> str:
    r"""Make a stranger's text safe for one line of a terminal or a table.

    >>> printable("a\nb\x1b[31m")
    'a\\nb\\x1b[31m'
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in text.encode("utf-8", "backslashreplace").decode("utf-8")
    )


def listed(items: Iterable[object], *, most: int = 10) -> str:
    """The first ones, and how many more.

    >>> listed("abcd", most=2)
    'a, b and 2 more'
    """
    named = list(map(str, items))
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more


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


def grouped(findings: Iterable[Finding], *, above: int = 1) -> list[Finding]:
    """One finding for all that say the same of different files, numbers apart.

    Args:
        findings: in order.
        above: how many such stay apart.
    """
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(re.sub(r"[-+0-9.,e]+", "#", finding.found), []).append(finding)
    told: list[Finding] = []
    for alike in groups.values():
        if len(alike) <= above:
            told += alike
        else:
            where = f"{alike[0].where} and {len(alike) - 1} more, to {alike[-1].where}"
            told.append(replace(alike[0], where=where))
    return told


Tell: TypeAlias = Callable[[Finding], None]
"""Takes what a user should know though nothing stops, such as how a file was read."""


def untold(finding: Finding) -> None:
    """Tells nobody."""
