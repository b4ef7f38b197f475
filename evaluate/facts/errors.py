"""The harness's part of the error family; only the command line's `main` catches it.

A participant's failure is never one of these: it is an `Outcome`.
"""

from data_manifest.errors import Finding, SegjudgeError, TableError
from data_manifest.findings import listed

__all__ = [
    "EngineMissingError",
    "Finding",
    "ProtocolError",
    "RankingRefusedError",
    "RunDirectoryError",
    "SegjudgeError",
    "SubmissionError",
    "TableError",
    "UsageError",
    "listed",
]


class UsageError(SegjudgeError):
    """The command line asks for something that can't be done."""


class ProtocolError(SegjudgeError):
    """A protocol file is unknown, unreadable or inconsistent."""


class RunDirectoryError(SegjudgeError):
    """A run directory is missing, in use, altered, or belongs to another run."""


class SubmissionError(SegjudgeError):
    """What `--submission NAME=REF` names can't be a submission at all."""


class RankingRefusedError(SegjudgeError):
    """The scores are not complete enough for a ranking that anyone may trust."""


class EngineMissingError(SegjudgeError):
    """A container engine was asked for and none answers."""

    exit_code = 3
