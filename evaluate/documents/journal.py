"""journal.json: a run's ledger as a bundle carries it, each turn's last attempt with its proof."""

import json
from collections.abc import Iterable
from typing import Literal

import msgspec

from evaluate.facts.attempts import Attempt


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run, with what proves it.

    Attributes:
        record: the row of runs.csv.
        job_sha256: of all that went in: image digest, inputs, container and limits. A result
            counts only as long as this is what would be run now.
        prediction_sha256: of the file in predictions/, None if there is none.
        log_sha256: of the file in logs/.
        sandbox: what the container was given, as the sandbox reports it.
        profile_sha256: of the file in profiles/, None if there is none.
    """

    record: Attempt
    job_sha256: str
    prediction_sha256: str | None
    log_sha256: str
    sandbox: dict[str, object]
    profile_sha256: str | None = None


class JournalDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """journal.json, whole; by team, case and round."""

    schema: Literal[1] = 1
    entries: tuple[JournalEntry, ...]


def decode_journal(data: bytes) -> tuple[JournalEntry, ...]:
    """The entries of a journal, a stranger's.

    Raises:
        msgspec.MsgspecError: it is none.
        UnicodeDecodeError: it is no text.
    """
    return msgspec.json.decode(data, type=JournalDocument).entries


def encode_journal(entries: Iterable[JournalEntry]) -> bytes:
    """The journal as a file holds it."""
    plain = msgspec.to_builtins(JournalDocument(entries=tuple(entries)))
    return (json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
