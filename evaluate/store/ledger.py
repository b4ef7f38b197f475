"""The ledger of a run: what began and what ended, in one SQLite file that survives a power failure.

A row is made before a container starts and completed after its files are safe. What has no end did
not happen: it is run again. Readable by any tool: `sqlite3 ledger.sqlite 'select * from attempts'`.
What many attempts share, the options of their containers, stands once in a table of its own; rules
and machines stand once in run.json, by the digests that the rows hold. A look streams: it never
holds more than it is asked for.
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

from evaluate.documents.journal import JournalEntry
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Finding, RunDirectoryError
from evaluate.facts.turns import Turn

_VERSION = 2
# The columns of runs.csv, but for whose attempt it is; `case` is a word of SQL.
_MEASURED = [n for n in Attempt.__struct_fields__ if n not in ("team", "case", "round")]
# Of later versions of segjudge: a ledger may be without them, which are then empty.
_ADDED = ("peak_gpu_memory_mib", "gpu_busy_s", "file_pages_mib", "throttled_s", "others_cpus")
_PROOF = ["prediction_sha256", "log_sha256", "profile_sha256", "options"]
_ENDED = [*_MEASURED, *_PROOF]
_TABLES = f"""
pragma user_version = {_VERSION};
create table if not exists options (
    options text primary key,  -- the first 12 digits of the SHA-256
    given text not null        -- JSON: what a container was given, less names of one run
) without rowid;
create table if not exists attempts (
    attempt integer primary key,
    team text not null,
    case_id text not null,
    round integer not null,
    job_sha256 text not null,
    began_at text not null,
    -- Null: it has not ended, or was cut off.
    {", ".join(_ENDED)}
);
create index if not exists turns on attempts (team, case_id, round);
"""
_LATEST = (
    "attempt in (select max(attempt) from attempts where outcome is not null"
    " group by team, case_id, round)"
)


class Ledger:
    """Attempts in the order in which they began. One writer, who holds the run directory's lock.

    Every method raises `RunDirectoryError` if the file is damaged, or the disk full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, turn: Turn, *, job_sha256: str) -> int:
        """Note that a run begins; returns the attempt's number.

        Not flushed to the disk: a power failure may forget that something began, and costs nothing.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        values = (turn.team, turn.case, turn.round, job_sha256, now)
        with self._said_plainly():
            self._writer.execute("pragma synchronous = normal")
            made = self._writer.execute(
                "insert into attempts (team, case_id, round, job_sha256, began_at)"
                " values (?, ?, ?, ?, ?)",
                values,
            )
        return int(made.lastrowid or 0)

    def end(self, number: int, entry: JournalEntry) -> None:
        """Note how a run ended; on return this is on the disk."""
        given = msgspec.json.encode(entry.sandbox, order="sorted").decode()
        options = hashlib.sha256(given.encode()).hexdigest()[:12]
        proof = (entry.prediction_sha256, entry.log_sha256, entry.profile_sha256, options)
        values = [getattr(entry.record, name) for name in _MEASURED]
        with self._said_plainly():
            self._writer.execute("pragma synchronous = full")
            self._writer.execute("insert or ignore into options values (?, ?)", (options, given))
            self._writer.execute(
                f"update attempts set {', '.join(f'{name} = ?' for name in _ENDED)}"  # noqa: S608
                " where attempt = ?",
                (*values, *proof, number),
            )

    def entries(self) -> Iterator[JournalEntry]:
        """The last that ended of each turn, sorted by team, case and round."""
        given: dict[str, dict[str, object]] = {}
        names = ("team", "case_id", "round", "job_sha256", *self._ended())
        rows = self._read(
            f"select {', '.join(names)} from attempts where {_LATEST}"  # noqa: S608
            " order by team, case_id, round"
        )
        for team, case, round_number, job_sha256, *ended in rows:
            prediction, log, profile, options = ended[len(_MEASURED) :]
            if options not in given:
                given[options] = self._options(options)
            measured = dict(zip(_MEASURED, ended, strict=False))
            record = {"team": team, "case": case, "round": round_number, **measured}
            try:
                yield JournalEntry(
                    record=msgspec.convert(record, Attempt),
                    job_sha256=job_sha256,
                    prediction_sha256=prediction,
                    log_sha256=log,
                    sandbox=given[options],
                    profile_sha256=profile,
                )
            except msgspec.MsgspecError as error:
                raise self._damaged(str(error)) from error

    def _options(self, key: str) -> dict[str, object]:
        rows = list(self._read("select given from options where options = ?", (key,)))
        try:
            return msgspec.json.decode(rows[0][0], type=dict[str, object])
        except (msgspec.MsgspecError, IndexError, TypeError) as error:
            raise self._damaged(f"options {key}: {error}") from error

    def results(self) -> Iterator[tuple[Turn, str, str, str | None]]:
        """Of each turn's last end: job, outcome and the prediction's SHA-256, sorted by turn."""
        rows = self._read(
            "select team, case_id, round, job_sha256, outcome, prediction_sha256"  # noqa: S608
            f" from attempts where {_LATEST} order by team, case_id, round"
        )
        for team, case, round_number, job_sha256, outcome, prediction in rows:
            turn = Turn(team=team, case=case, round=round_number)
            yield turn, job_sha256, outcome, prediction

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
        # Those of later versions last, and left out from where all are empty: what older ones have
        # digested stays.
        columns = dict(zip(_ENDED, self._ended(), strict=True))
        old = [name for name in _ENDED if name not in _ADDED]
        new = [columns[name] for name in _ADDED]
        names = ("team", "case_id", "round", "job_sha256", *old, *new)
        query = f"select {', '.join(names)} from attempts"  # noqa: S608
        for row in self._read(f"{query} where outcome is not null order by attempt"):
            last, least = len(row), len(row) - len(new)
            while last > least and row[last - 1] is None:
                last -= 1
            digest.update(msgspec.json.encode(row[:last]) + b"\n")
        return digest.hexdigest()

    def _ended(self) -> list[str]:
        """The columns of an end for a query, null in place of those that this ledger lacks."""
        known = {name for (name,) in self._read("select name from pragma_table_info('attempts')")}
        return [name if name in known or name not in _ADDED else "null" for name in _ENDED]

    def close(self) -> None:
        """Fold the write-ahead log into the file, and close it."""
        if "_writer" in self.__dict__:
            with self._said_plainly():
                self._writer.close()
            del self._writer

    def _read(self, query: str, values: tuple[str, ...] = ()) -> Iterator[tuple[Any, ...]]:
        if not self._path.exists():
            return
        with self._said_plainly():
            if "_writer" in self.__dict__:
                yield from self._writer.execute(query, values)
                return
            with closing(sqlite3.connect(self._uri(), uri=True)) as reader:
                # A disk that was full when the file was made leaves it without the table.
                made = reader.execute("select 1 from sqlite_master where name = 'attempts'")
                if made.fetchone():
                    self._check_version(reader)
                    yield from reader.execute(query, values)

    def _check_version(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("pragma user_version").fetchone()
        if version != _VERSION:
            raise RunDirectoryError(
                where=str(self._path),
                found=f"a ledger of version {version or 1}",
                expected=f"version {_VERSION}",
                mend="run again into a new folder",
            )

    def _uri(self) -> str:
        # A reader of a write-ahead log writes beside it. Where that is not allowed, as in an
        # archive of finished runs, nobody else writes either, and the file alone is the whole.
        alone = not os.access(self._path.parent, os.W_OK)
        return f"{self._path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"

    @cached_property
    def _writer(self) -> sqlite3.Connection:
        # Autocommit: each statement is a transaction. One thread writes: the keeper's.
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            connection.execute("pragma journal_mode = wal")
            if connection.execute("select 1 from sqlite_master where name = 'attempts'").fetchone():
                self._check_version(connection)
            connection.executescript(_TABLES)
            known = {row[1] for row in connection.execute("pragma table_info(attempts)")}
            for name in _ADDED:
                if name not in known:
                    connection.execute(f"alter table attempts add column {name}")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            mend = "see that the disk has room and is writable; then give the same command again"
            problem = Finding(where=str(self._path), found=f"{error}", mend=mend)
            raise RunDirectoryError(problem) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, why: str) -> RunDirectoryError:
        return RunDirectoryError(
            where=str(self._path),
            found=f"damaged: {why}",
            expected="the ledger that `segjudge run` wrote",
            mend="put back a copy, or run again into a new folder",
        )
