"""The run directory: the only module that writes into it, and every write is all or nothing.

A run is first begun in the ledger; its files (prediction, log) are copied in and flushed to the
disk, and then the ledger says how it ended. What has no end there did not happen. The CSV files are
made from the ledger and from records, sorted, and replaced whole.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from data_manifest.manifest import Manifest, save_manifest
from evaluate.documents.audit import AuditDocument
from evaluate.documents.journal import JournalEntry
from evaluate.documents.ranking import RankingDocument, write_ranking
from evaluate.documents.run import RunDocument
from evaluate.documents.run_status import RunStatus, read_run_status, write_run_status
from evaluate.documents.tables import read_table, write_atomically, write_document, write_table
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import RunDirectoryError
from evaluate.facts.scores import (
    CaseScore,
    CohortScore,
    LabelScore,
    LesionScore,
    ModalityScore,
    RoundScore,
)
from evaluate.facts.turns import Turn
from evaluate.store.folder_locks import lock_folder
from evaluate.store.folders import replace_folder, tidy_up
from evaluate.store.ledger import Ledger
from evaluate.store.run_places import MARKER, RunPlaces
from evaluate.store.score_cache import ScoreCache

Row = TypeVar(
    "Row", Attempt, LabelScore, LesionScore, CaseScore, RoundScore, ModalityScore, CohortScore
)

_TABLES: dict[type, str] = {
    Attempt: "runs.csv",
    LabelScore: "label_scores.csv",
    LesionScore: "lesion_scores.csv",
    CaseScore: "case_scores.csv",
    RoundScore: "round_scores.csv",
    ModalityScore: "modality_scores.csv",
    CohortScore: "cohort_scores.csv",
}
_LEDGER = "ledger.sqlite"
_SCORES = "scores.sqlite"
_STATUS = "status.json"


class RunDirectory(RunPlaces):
    """One run's folder. Paths and formats are DESIGN's contract; see `docs/files.md`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.ledger_path = root / _LEDGER
        self._ledger = Ledger(self.ledger_path)

    @classmethod
    def claim(cls, root: Path) -> "RunDirectory":
        """A new run directory, or an existing one; nothing is written yet.

        Raises:
            RunDirectoryError: the folder exists and is something else.
        """
        if root.exists() and not root.is_dir():
            raise RunDirectoryError(
                where=str(root), found="a file", expected="a folder, or a new name"
            )
        if root.is_dir() and any(root.iterdir()) and not (root / MARKER).is_file():
            raise RunDirectoryError(
                where=str(root),
                found="a folder with other files",
                expected="a run directory (it has a run.json), an empty folder, or a new name",
                mend="choose another folder; nothing was changed in this one",
            )
        return cls(root)

    @classmethod
    def open(cls, root: Path) -> "RunDirectory":
        """Open an existing run directory.

        Raises:
            RunDirectoryError: it is none.
        """
        if not (root / MARKER).is_file():
            raise RunDirectoryError(
                where=str(root),
                found="no run.json" if root.is_dir() else "no such folder",
                expected="a run directory",
                mend="`segjudge run` or `segjudge demo` makes one",
            )
        return cls(root)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run directory; the lock ends with the process, however that ends.

        Raises:
            RunDirectoryError: another segjudge holds it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            try:
                held.enter_context(lock_folder(self.root))
            except OSError as error:
                fault = "another segjudge is working in it"
                mend = "wait until it is done, or stop it"
                raise RunDirectoryError(where=str(self.root), found=fault, mend=mend) from error
            held.callback(self._ledger.close)
            tidy_up(self.root)
            yield

    @property
    def is_locked(self) -> bool:
        """Whether a segjudge is working in it."""
        try:
            with lock_folder(self.root, shared=True):
                return False
        except OSError:
            return True

    @property
    def exists(self) -> bool:
        """Whether it has a run.json already."""
        return (self.root / MARKER).is_file()

    def write_run_document(self, document: RunDocument) -> None:
        """Replace run.json."""
        write_document(self.root / MARKER, document)

    def begin(self, turn: Turn, *, job_sha256: str) -> int:
        """Note in the ledger that a run begins; returns the number of the attempt."""
        return self._ledger.begin(turn, job_sha256=job_sha256)

    def keep(
        self,
        record: Attempt,
        *,
        number: int,
        job_sha256: str,
        options: dict[str, object],
        prediction: bytes | None,
        log: bytes,
        profile: bytes | None = None,
    ) -> None:
        """Make one run durable: its files first, then its end in the ledger.

        An older prediction of the same case is removed before, so that it can never stand in for
        a run that left none.
        """
        turn = Turn(team=record.team, case=record.case, round=record.round)
        kept, log_path, profile_path = self.files_of(turn)
        kept.unlink(missing_ok=True)
        if prediction is not None:
            write_atomically(kept, prediction)
        entry = JournalEntry(
            record=record,
            job_sha256=job_sha256,
            prediction_sha256=None
            if prediction is None
            else hashlib.sha256(prediction).hexdigest(),
            log_sha256=hashlib.sha256(log).hexdigest(),
            sandbox=options,
            profile_sha256=None if profile is None else hashlib.sha256(profile).hexdigest(),
        )
        write_atomically(log_path, log)
        if profile is None:
            profile_path.unlink(missing_ok=True)
        else:
            write_atomically(profile_path, profile)
        self._ledger.end(number, entry)

    def journal(self) -> dict[tuple[str, str, int], JournalEntry]:
        """The latest result of each (team, case, round), in sorted order, all at once.

        Raises:
            RunDirectoryError: the ledger is damaged.
        """
        return {(e.record.team, e.record.case, e.record.round): e for e in self._ledger.entries()}

    def attempts(self) -> Iterator[Attempt]:
        """The latest attempt of each turn, sorted, one after another."""
        return (entry.record for entry in self._ledger.entries())

    def results(self) -> Iterator[tuple[Turn, str, str, str | None]]:
        """Of each turn's latest attempt: job, outcome and the prediction's SHA-256, sorted."""
        return self._ledger.results()

    def journal_sha256(self) -> str:
        """Of the results as they are now: scores hold for these and no other."""
        return self._ledger.digest()

    def cut_off(self) -> dict[tuple[str, str], int]:
        """How often each (team, case) began and did not end, since it last ended."""
        return self._ledger.cut_off()

    def table_path(self, kind: type) -> Path:
        """The CSV file of one kind of record."""
        return self.root / _TABLES[kind]

    def write_rows(
        self,
        rows: Iterable[Row],
        kind: type[Row],
        *,
        metrics: Sequence[str] = (),
        as_they_come: bool = False,
    ) -> None:
        """Replace a table; arguments as of `write_table`."""
        path = self.table_path(kind)
        write_table(path, rows, kind, metrics=metrics, as_they_come=as_they_come)

    def read_rows(self, kind: type[Row]) -> list[Row]:
        """Read a table.

        Raises:
            TableError: missing or damaged.
        """
        return read_table(self.table_path(kind), kind)

    def write_document(self, name: str, data: bytes) -> Path:
        """Replace a file such as `report/index.html` or `ranking.json`, atomically."""
        path = self.root / name
        write_atomically(path, data)
        return path

    def write_folder(self, name: str, files: Iterable[tuple[str, bytes]]) -> None:
        """Replace a folder of many small files, such as `report/cases`, whole.

        The old one is set aside, the new one takes its place, and only then the old one goes: if
        the command is killed in between, the next one that locks the directory brings it back.

        They can be made again, so none is flushed to the disk alone: that would take minutes.
        """
        replace_folder(self.root / name, files)

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace the run's own copy of the manifest."""
        save_manifest(manifest, self.root / "manifest.json")

    def write_ranking(self, rows: Sequence[Any], document: RankingDocument) -> None:
        """Replace ranking.csv and ranking.json."""
        write_table(self.root / "ranking.csv", rows, type(rows[0]))
        write_ranking(self.root / "ranking.json", document)

    def write_status(self, status: RunStatus) -> None:
        """Replace status.json."""
        write_run_status(self.root / _STATUS, status)

    def read_status(self) -> RunStatus:
        """How far the run is, or was when its command ended.

        Raises:
            RunDirectoryError: there is no status.json, or it is damaged.
        """
        return read_run_status(self.root / _STATUS)

    def write_audit(self, document: AuditDocument) -> None:
        """Replace audit.json."""
        write_document(self.root / "audit.json", document)

    @contextmanager
    def score_cache(self) -> Iterator[ScoreCache]:
        """What was scored before; only under the lock."""
        cache = ScoreCache(self.root / _SCORES)
        try:
            yield cache
        finally:
            cache.close()

    def clear_documents(self, folder: str) -> None:
        """Remove a folder of documents, such as `report`, before it is made anew."""
        shutil.rmtree(self.root / folder, ignore_errors=True)
