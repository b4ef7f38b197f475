"""board.jsonl: all that happened to a standing challenge, one event a line, never changed."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from evaluate.documents.check import CheckedThing
from evaluate.documents.tables import sync_folder, write_document
from evaluate.facts.errors import RunDirectoryError


class _BoardPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class SeenFile(_BoardPart, frozen=True, kw_only=True):
    """What lay in the inbox: a file, or a folder with the sum of its files' sizes."""

    team: str
    name: str
    size: int
    changed_ns: int


NotRun: TypeAlias = Literal["outside", "too many", "broken"]
"""Outside the opening times, over the daily number, or nothing that could be run."""


class HandedIn(_BoardPart, frozen=True, kw_only=True, tag="handed in", tag_field="event"):
    """A submission got its number.

    Attributes:
        number: from 1.
        file: what lay in the inbox.
        sha256: of the archive or folder; empty where it can't be told.
        arrived_at: when it was first seen so, by UTC.
        phase: which was open; empty for none.
        kept_as: its path in the challenge's folder; empty where nothing could be kept.
        token: of its page's address.
        not_run: why it is not run; None where it is.
        findings: what there is to mend.
    """

    number: int
    file: SeenFile
    sha256: str
    arrived_at: str
    phase: str
    kept_as: str
    token: str
    not_run: NotRun | None = None
    findings: tuple[CheckedThing, ...] = ()

    @property
    def run_name(self) -> str:
        """The team of its phase's run directory."""
        return f"{self.file.team}.{self.number:04d}"


class CameAgain(_BoardPart, frozen=True, kw_only=True, tag="came again", tag_field="event"):
    """What is the same, byte for byte, as what the team handed in before."""

    file: SeenFile
    number: int
    at: str


class BatchRun(_BoardPart, frozen=True, kw_only=True, tag="run", tag_field="event"):
    """Submissions were run and scored together, with the anchor under this name."""

    phase: str
    numbers: tuple[int, ...]
    anchor: str | None
    at: str


BoardEvent: TypeAlias = HandedIn | CameAgain | BatchRun


class WaitingFile(_BoardPart, frozen=True, kw_only=True):
    """What may be half copied, and since when it looks as it does."""

    file: SeenFile
    since: str


class WaitingFiles(_BoardPart, frozen=True, kw_only=True):
    """waiting.json."""

    files: tuple[WaitingFile, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "WaitingFiles":
        """Those of the last look; none where the file is missing or damaged."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError):
            return cls()

    def write(self, path: Path) -> None:
        """Replace waiting.json."""
        write_document(path, self)


class BoardLog:
    """The events, and the file that they are appended to."""

    def __init__(self, path: Path) -> None:
        """Read board.jsonl; a last line that was cut off did not happen.

        Raises:
            RunDirectoryError: a line is none of ours.
        """
        self.path = path
        data = path.read_bytes() if path.exists() else b""
        self._whole = data.rfind(b"\n") + 1
        self.events: list[BoardEvent] = []
        for number, line in enumerate(data[: self._whole].splitlines(), 1):
            try:
                self.events.append(msgspec.json.decode(line, type=BoardEvent))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                where, fault = f"{path}, line {number}", f"can't be read: {error}"
                mend = "bring the file back from a backup: it is only ever appended to"
                raise RunDirectoryError(where=where, found=fault, mend=mend) from error

    def append(self, event: BoardEvent) -> None:
        """Make one event durable. Only under the folder's lock."""
        line = msgspec.json.encode(event) + b"\n"
        is_new = not self.path.exists()
        with self.path.open("ab") as stream:
            stream.truncate(self._whole)
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        if is_new:
            sync_folder(self.path.parent)
        self._whole += len(line)
        self.events.append(event)

    @property
    def handed_in(self) -> Iterator[HandedIn]:
        """Submissions, by number."""
        return (event for event in self.events if isinstance(event, HandedIn))

    @property
    def batches(self) -> Iterator[BatchRun]:
        """What was run, in order."""
        return (event for event in self.events if isinstance(event, BatchRun))

    @property
    def outstanding(self) -> list[HandedIn]:
        """What is to be run, and was not."""
        done = {number for batch in self.batches for number in batch.numbers}
        return [e for e in self.handed_in if not e.not_run and e.number not in done]
