"""The root of the one error family: a failure is a list of facts, and each class has an exit code.

It stands here because this is the lowest layer that reads files; `evaluate.facts.errors` adds the
harness's own.
"""

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["CaseFileError", "ManifestError", "Problem", "SegjudgeError", "printable"]


def printable(text: str) -> str:
    r"""Make a stranger's text safe for one line of a terminal or a table.

    >>> printable("a\nb\x1b[31m")
    'a\\nb\\x1b[31m'
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in text.encode("utf-8", "backslashreplace").decode("utf-8")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, in facts.

    Attributes:
        where: the file, option or key that it is about.
        found: what is there.
        expected: what should be there; may be empty where `found` says it all.
        mend: what the reader can do about it.
    """

    where: str
    found: str
    expected: str = ""
    mend: str = ""

    def __str__(self) -> str:
        """One line: where, found, expected, how to mend it."""
        parts = [f"{self.where}: {self.found}"]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.mend:
            parts.append(self.mend)
        return printable("; ".join(parts))


class SegjudgeError(Exception):
    """Something that stops a command, as one or more problems.

    Args:
        problems: at least one; all that were found in one go.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class ManifestError(SegjudgeError):
    """A manifest, or a file that it names, is not what it should be."""


class CaseFileError(SegjudgeError):
    """A case file (inputs or reference) can't be read or written."""
