"""scores.sqlite: what was scored before, and files' digests; losing it costs time and nothing else.

A score stands under the SHA-256 of all that it depends on, so it is never out of date: other bytes,
rules or code have another key. A file's digest is believed for as long as its size, inode and both
times, which any change of its bytes moves, are those of when it was read.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from data_manifest.manifest import sha256_of

_TABLES = """
create table if not exists scores (key blob primary key, data blob not null) without rowid;
create table if not exists files (
    path text primary key, stamp text not null, sha256 text not null
) without rowid;
"""
_AT_ONCE = 500
"""How much work a killed command loses, in scores."""
_TOO_RECENT_NS = 2_000_000_000
"""A file that was changed this short a time ago may be changed again within its times' steps."""


class ScoreCache:
    """Scores by key and digests by file. A file that is damaged is as if it were empty.

    Args:
        path: the file; made anew where it is missing or damaged. One writer, who holds the run
            directory's lock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = _opened(path)
        self._written = 0

    def close(self) -> None:
        """Keep what was put in, and close the file."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.commit()
            self._connection.close()

    def known(self, keys: Iterable[bytes]) -> set[bytes]:
        """Which of these scores are there."""
        wanted = set(keys)
        return {key for (key,) in self._rows("select key from scores") if key in wanted}

    def get(self, key: bytes) -> bytes | None:
        """A score that was kept; None if there is none."""
        rows = self._rows("select data from scores where key = ?", key)
        return bytes(rows[0][0]) if rows else None

    def put(self, key: bytes, data: bytes) -> bool:
        """Keep a score; False where that was not possible."""
        return self._write("insert or replace into scores values (?, ?)", key, data)

    def digests(self, paths: Iterable[Path]) -> dict[Path, str | None]:
        """SHA-256 of each file, None where there is none; as many at a time as there are CPUs."""
        known = {path: (stamp, sha) for path, stamp, sha in self._rows("select * from files")}
        by_path: dict[Path, str | None] = {}
        new: list[tuple[Path, str]] = []
        for path in paths:
            stamp = _stamp(path)
            kept = known.get(str(path))
            if stamp is None:
                by_path[path] = None
            elif kept is not None and kept[0] == stamp:
                by_path[path] = kept[1]
            else:
                new.append((path, stamp))
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            made = threads.map(sha256_of, [path for path, _ in new])
            for (path, stamp), sha256 in zip(new, made, strict=True):
                by_path[path] = sha256
                if stamp == _stamp(path) and _is_settled(path):
                    self._write(
                        "insert or replace into files values (?, ?, ?)", str(path), stamp, sha256
                    )
        return by_path

    def _rows(self, query: str, *values: object) -> list[Any]:
        if self._connection is None:
            return []
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error:
            return []

    def _write(self, query: str, *values: object) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute(query, values)
            self._written += 1
            if self._written % _AT_ONCE == 0:
                self._connection.commit()
        except sqlite3.Error:
            return False
        return True


def _opened(path: Path) -> sqlite3.Connection | None:
    for _ in range(2):
        with suppress(sqlite3.Error):
            connection = sqlite3.connect(path)
            try:
                return _made_ready(connection)
            except BaseException:
                connection.close()  # before the file is removed: Windows asks for that
                raise
        with suppress(OSError):
            path.unlink(missing_ok=True)
    return None


def _made_ready(connection: sqlite3.Connection) -> sqlite3.Connection:
    with closing(connection.execute("pragma quick_check(1)")) as rows:
        if rows.fetchone() != ("ok",):
            raise sqlite3.DatabaseError("damaged")
    connection.execute("pragma synchronous = off")
    connection.executescript(_TABLES)
    return connection


def _stamp(path: Path) -> str | None:
    try:
        status = path.stat()
    except OSError:
        return None
    parts = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return " ".join(map(str, parts))


def _is_settled(path: Path) -> bool:
    status = path.stat()
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    return time.time_ns() - changed > _TOO_RECENT_NS


def score_key(*parts: str) -> bytes:
    """One key for all that a score depends on."""
    return hashlib.sha256("\0".join(parts).encode()).digest()
