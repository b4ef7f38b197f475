"""The root of the one error family: a failure is a list of facts, and each class has an exit code.

It stands here because this is the lowest layer that reads files; `evaluate.facts.errors` adds the
harness's own.
"""

from typing import ClassVar

from data_manifest.findings import Finding, printable

__all__ = [
    "CaseFileError",
    "Finding",
    "ManifestError",
    "SegjudgeError",
    "TableError",
    "printable",
]


class SegjudgeError(Exception):
    """What stops a command: all findings that were made in one go, or the facts of a single one."""

    exit_code: ClassVar[int] = 2

    def __init__(
        self,
        *problems: Finding,
        where: str = "",
        found: str = "",
        expected: str = "",
        mend: str = "",
    ) -> None:
        alone = Finding(where=where, found=found, expected=expected, mend=mend)
        self.problems = problems or (alone,)
        super().__init__("\n".join(map(str, self.problems)))


class ManifestError(SegjudgeError):
    """A manifest, or a file that it names, is not what it should be."""


class CaseFileError(SegjudgeError):
    """A case file (inputs or reference) can't be read or written."""


class TableError(SegjudgeError):
    """A table can't be read."""
