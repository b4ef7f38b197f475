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
    """Something that stops a command, as one or more findings.

    Args:
        problems: at least one; all that were found in one go.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, *problems: Finding) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class ManifestError(SegjudgeError):
    """A manifest, or a file that it names, is not what it should be."""


class CaseFileError(SegjudgeError):
    """A case file (inputs or reference) can't be read or written."""


class TableError(SegjudgeError):
    """A table can't be read."""
