"""`segjudge board take`: what is new is taken, run and scored."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from data_manifest.findings import Finding
from data_manifest.progress import Progress, silent
from evaluate.board.challenge import ANCHOR, ChallengeFolder, Phase
from evaluate.board.inbox import take_new
from evaluate.cluster import ClusterAddress
from evaluate.documents.board_log import BatchRun, BoardEvent, BoardLog, HandedIn
from evaluate.facts.errors import RunDirectoryError, UsageError
from evaluate.facts.outcome import Outcome
from evaluate.running.stage import run_submissions
from evaluate.sandbox import Sandbox
from evaluate.scoring.stage import score_run
from evaluate.store import RunDirectory
from evaluate.store.folder_locks import lock_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenNow:
    """What one look did: events, and what the organiser should know."""

    events: list[BoardEvent]
    notes: list[Finding]


@contextmanager
def board_held(root: Path) -> Iterator[None]:
    """Hold a challenge's folder; ends with the process, however that ends.

    Raises:
        RunDirectoryError: another board holds it.
    """
    try:
        with lock_folder(root):
            yield
    except BlockingIOError as error:
        fault, mend = "another board is working in it", "wait until it is done, or stop it"
        raise RunDirectoryError(where=str(root), found=fault, mend=mend) from error


def log_of(folder: ChallengeFolder) -> BoardLog:
    """All that happened so far."""
    return BoardLog(folder.root / "board.jsonl")


def take_what_is_new(
    folder: ChallengeFolder,
    *,
    sandbox: Sandbox,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    token: Callable[[], str] = lambda: secrets.token_urlsafe(18),
    cluster: ClusterAddress | None = None,
    workers: int | None = None,
    again: bool = False,
    pause: Callable[[float], None] = time.sleep,
    progress: Progress = silent,
) -> TakenNow:
    """Take what is new in the inbox, and run what is to be run; also what was cut off before.

    Only for who holds the folder.

    Args:
        folder: the challenge.
        sandbox: where submissions run.
        now: the clock, with an offset.
        token: makes a page's private address.
        cluster: on whose machines to run and score; None for this one.
        workers: processes that score.
        again: whether cases are run again that have no score, by an error of the harness.
        pause: waits, before what failed on our side is tried again.
        progress: told as `segjudge run` tells it.

    Raises:
        SegjudgeError: bad data, a damaged log, or a sandbox that broke; what was taken stays.
    """
    log = log_of(folder)
    known = len(log.events)
    notes = take_new(folder, log, now=now().astimezone(UTC), token=token)
    for phase in folder.challenge.phases:
        batch = [event for event in log.outstanding if event.phase == phase.name]
        lost = _lost(folder, phase, log) if again else []
        if not batch and not lost:
            continue
        _refuse_archives([*batch, *lost], folder, sandbox)
        # Named by the first of the batch: a command that was cut off meets the same one again.
        anchor = f"{ANCHOR}.{batch[0].number:04d}" if folder.anchor and batch else None
        run_submissions(
            manifest_path=folder.manifest_path(phase),
            protocol=folder.rules[phase.name],
            references=_references(folder, [*lost, *batch], anchor),
            root=folder.run_root(phase),
            sandbox=sandbox,
            cluster=cluster,
            progress=progress,
            now=now,
            pause=pause,
        )
        score_run(folder.run_root(phase), workers=workers, cluster=cluster, progress=progress)
        notes += _anchor_failed(folder, phase, anchor)
        if batch:
            log.append(
                BatchRun(
                    phase=phase.name,
                    numbers=tuple(event.number for event in batch),
                    anchor=anchor,
                    at=now().astimezone(UTC).isoformat(),
                )
            )
        notes += [
            Finding(
                where=event.run_name,
                found="cases without a score, by an error of this machine",
                mend="`segjudge doctor`; the next `segjudge board take` runs them again",
            )
            for event in _lost(folder, phase, log)
        ]
    return TakenNow(events=log.events[known:], notes=notes)


def _references(
    folder: ChallengeFolder, batch: list[HandedIn], anchor: str | None
) -> dict[str, str]:
    references = {event.run_name: str(folder.root / event.kept_as) for event in batch}
    if anchor and folder.anchor:
        references[anchor] = folder.anchor
    return references


def _lost(folder: ChallengeFolder, phase: Phase, log: BoardLog) -> list[HandedIn]:
    """Of finished batches, what has cases without a score, by an error of the harness."""
    ran = {number for batch in log.batches if batch.phase == phase.name for number in batch.numbers}
    if not ran:
        return []
    attempts = RunDirectory.open(folder.run_root(phase)).attempts()
    lost = {a.team for a in attempts if a.outcome is Outcome.HARNESS_ERROR}
    return [e for e in log.handed_in if e.number in ran and e.run_name in lost]


def _refuse_archives(batch: list[HandedIn], folder: ChallengeFolder, sandbox: Sandbox) -> None:
    """That no engine is there is the organiser's failure, not the team's."""
    archives = [e for e in batch if (folder.root / e.kept_as).is_file()]
    if archives and not sandbox.isolated:
        raise UsageError(
            where=archives[0].kept_as,
            found="an archive, which needs a container engine",
            expected="the docker sandbox",
            mend="`segjudge doctor` says what is here; the archive is kept, and runs next time",
        )


def _anchor_failed(folder: ChallengeFolder, phase: Phase, anchor: str | None) -> list[Finding]:
    """Times of a batch can't be compared where its anchor is another, or ended no case well."""
    if anchor is None:
        return []
    run = RunDirectory.open(folder.run_root(phase))
    anchors = [e for e in run.document().submissions if e.team.startswith(f"{ANCHOR}.")]
    own = next((entry for entry in anchors if entry.team == anchor), anchors[0])
    if own.digest != anchors[0].digest:
        fault, mend = "another anchor than the phase's first", "bring that one back"
        return [Finding(where=anchor, found=f"{fault}: its times are no scale", mend=mend)]
    if any(a.outcome is Outcome.OK for a in run.attempts() if a.team == anchor):
        return []
    mend = f"`segjudge check {folder.anchor}`"
    return [Finding(where=anchor, found="the anchor failed every case", mend=mend)]
