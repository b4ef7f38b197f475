"""The ledger of a run: what began and what ended, in one SQLite file that survives a power failure.

A row is made before a container starts and completed after its files are safe. What has no end did
not happen: it is run again. Readable by any tool: `sqlite3 ledger.sqlite 'select * from attempts'`.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Problem, RunDirectoryError

__all__ = ["JournalEntry", "Ledger"]

_TABLE = """
create table if not exists attempts (
    attempt integer primary key,
    team text not null,
    case_id text not null,
    round integer not null,
    job_sha256 text not null,
    began_at text not null,
    outcome text,  -- null: it has not ended, or was cut off
    entry text     -- JSON: the row of runs.csv, and what proves it
)
"""


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
    sandbox: dict[str, Any]
    profile_sha256: str | None = None


class Ledger:
    """Attempts in the order in which they began. One writer, who holds the run directory's lock.

    Every method raises `RunDirectoryError` if the file is damaged, or the disk full.

    Args:
        path: the file; made by the first attempt.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, *, team: str, case: str, round_number: int, job_sha256: str) -> int:
        """Note that a run begins; returns the attempt's number.

        Not flushed to the disk: a power failure may forget that something began, and costs nothing.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        values = (team, case, round_number, job_sha256, now)
        with self._said_plainly():
            self._writer.execute("pragma synchronous = normal")
            made = self._writer.execute(
                "insert into attempts (team, case_id, round, job_sha256, began_at)"
                " values (?, ?, ?, ?, ?)",
                values,
            )
        return int(made.lastrowid or 0)

    def end(self, attempt: int, entry: JournalEntry) -> None:
        """Note how a run ended; on return this is on the disk."""
        text = msgspec.json.encode(entry).decode()
        with self._said_plainly():
            self._writer.execute("pragma synchronous = full")
            self._writer.execute(
                "update attempts set outcome = ?, entry = ? where attempt = ?",
                (str(entry.record.outcome), text, attempt),
            )

    def entries(self) -> dict[tuple[str, str, int], JournalEntry]:
        """The last that ended of each (team, case, round), sorted."""
        latest = {}
        for text in self._ended():
            try:
                entry = msgspec.json.decode(text, type=JournalEntry)
            except msgspec.MsgspecError as error:
                raise self._damaged(str(error)) from error
            record = entry.record
            latest[record.team, record.case, record.round] = entry
        return dict(sorted(latest.items()))

    def cut_off(self) -> dict[tuple[str, str], int]:
        """How often each (team, case) began and did not end, since it last ended."""
        rows = self._read(
            "select team, case_id, count(*) from attempts as a where outcome is null"
            " and attempt > (select coalesce(max(attempt), 0) from attempts as b"
            " where b.team = a.team and b.case_id = a.case_id and b.outcome is not null)"
            " group by team, case_id order by team, case_id"
        )
        return {(team, case): count for team, case, count in rows}

    def digest(self) -> str:
        """SHA-256 of all that has ended: scores hold for this state and no other."""
        digest = hashlib.sha256()
        for text in self._ended():
            digest.update(text.encode() + b"\n")
        return digest.hexdigest()

    def close(self) -> None:
        """Fold the write-ahead log into the file, and close it."""
        if "_writer" in self.__dict__:
            with self._said_plainly():
                self._writer.close()
            del self._writer

    def _ended(self) -> list[str]:
        query = "select entry from attempts where entry is not null order by attempt"
        return [text for (text,) in self._read(query)]

    def _read(self, query: str) -> list[Any]:
        if not self._path.exists():
            return []
        with self._said_plainly():
            if "_writer" in self.__dict__:
                return self._writer.execute(query).fetchall()
            with closing(sqlite3.connect(self._uri(), uri=True)) as reader:
                # A disk that was full when the file was made leaves it without the table.
                made = reader.execute("select 1 from sqlite_master where name = 'attempts'")
                return reader.execute(query).fetchall() if made.fetchone() else []

    def _uri(self) -> str:
        # A reader of a write-ahead log writes beside it. Where that is not allowed, as in an
        # archive of finished runs, nobody else writes either, and the file alone is the whole.
        alone = not os.access(self._path.parent, os.W_OK)
        return f"{self._path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"

    @cached_property
    def _writer(self) -> sqlite3.Connection:
        # Autocommit: each statement is a transaction. Threads take turns by the runner's lock.
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.execute("pragma journal_mode = wal")
        connection.execute(_TABLE)
        return connection

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            mend = "see that the disk has room and is writable; then give the same command again"
            problem = Problem(where=str(self._path), found=f"{error}", mend=mend)
            raise RunDirectoryError(problem) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, why: str) -> RunDirectoryError:
        return RunDirectoryError(
            Problem(
                where=str(self._path),
                found=f"damaged: {why}",
                expected="the ledger that `segjudge run` wrote",
                mend="put back a copy, or run again into a new folder",
            )
        )
