"""From the inbox to numbered submissions: each archive once, when it is whole."""

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from data_manifest.findings import Finding, Severity, printable
from evaluate.board.challenge import ANCHOR, ChallengeFolder, Phase
from evaluate.checking import archive_findings, folder_findings
from evaluate.documents.board_log import (
    BoardLog,
    CameAgain,
    HandedIn,
    NotRun,
    SeenFile,
    WaitingFile,
    WaitingFiles,
)
from evaluate.documents.check import CheckedThing, checked_thing
from evaluate.documents.tables import sync_folder
from evaluate.sandbox.case_folders import copy_folder, folder_digest
from evaluate.sandbox.port import ImageProblem

_SETTLED = timedelta(minutes=1)
_TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_CHUNK = 2**20


def take_new(
    folder: ChallengeFolder, log: BoardLog, *, now: datetime, token: Callable[[], str]
) -> list[Finding]:
    """Give what is new in the inbox its numbers; returns what the organiser should know.

    What changed within the last minute, and was not seen so a minute ago, waits.
    """
    path = folder.root / "waiting.json"
    known = {e.file for e in log.events if isinstance(e, HandedIn | CameAgain)}
    before = {w.file: w.since for w in WaitingFiles.read(path).files}
    waiting: list[WaitingFile] = []
    notes: list[Finding] = []
    for seen, source in _look(folder.inbox, notes):
        if seen in known:
            continue
        since = before.get(seen, now.isoformat())
        arrived = datetime.fromisoformat(since)
        last = datetime.fromtimestamp(seen.changed_ns / 1e9, now.tzinfo)
        why = "may be half copied: it changed within the last minute; it waits"
        if now - last >= _SETTLED or now - arrived >= _SETTLED:
            try:
                why = _take(folder, log, seen, source, arrived=arrived, now=now, token=token)
            except (FileNotFoundError, PermissionError) as error:
                why = f"can't be read ({error.strerror}); it waits"
        if why:
            waiting.append(WaitingFile(file=seen, since=since))
            notes.append(_note(source, why, "nothing to do, where it is being copied"))
    if waiting or before:
        WaitingFiles(files=tuple(waiting)).write(path)
    return notes


def _note(path: Path, fault: str, mend: str) -> Finding:
    where = printable(str(path))
    return Finding(where=where, found=fault, mend=mend, severity=Severity.WARNING)


def _look(inbox: Path, notes: list[Finding]) -> Iterator[tuple[SeenFile, Path]]:
    """What lies there, the oldest first."""
    seen = []
    for team in sorted(inbox.iterdir()):
        if team.name.startswith("."):
            continue
        if not _is_plain(team, stat.S_ISDIR):
            notes.append(_note(team, "no team's folder", "put it into inbox/TEAM/"))
        elif not _TEAM.fullmatch(team.name) or team.name.lower() == ANCHOR:
            mend = f"letters, digits, `.`, `_`, `-`, at most 50, and not `{ANCHOR}`"
            notes.append(_note(team, "a name that no team can have", mend))
        else:
            for path in sorted(team.iterdir()):
                if path.name.startswith("."):
                    continue
                if _is_plain(path, lambda mode: stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
                    seen.append((_seen(team.name, path), path))
                else:
                    notes.append(_note(path, "neither a file nor a folder", "copy what it names"))
    return iter(sorted(seen, key=lambda pair: (pair[0].changed_ns, pair[0].team, pair[0].name)))


def _is_plain(path: Path, kind: Callable[[int], bool]) -> bool:
    return kind(path.lstat().st_mode)


def _seen(team: str, path: Path) -> SeenFile:
    inside = [Path(at, name) for at, _, names in os.walk(path) for name in names]
    states = [entry.lstat() for entry in (path, *inside)]
    return SeenFile(
        team=team,
        name=printable(path.name),
        size=sum(state.st_size for state in states if stat.S_ISREG(state.st_mode)),
        changed_ns=max(state.st_mtime_ns for state in states),
    )


def _take(
    folder: ChallengeFolder,
    log: BoardLog,
    seen: SeenFile,
    source: Path,
    *,
    arrived: datetime,
    now: datetime,
    token: Callable[[], str],
) -> str:
    """Write down what has come; returns why it waits instead, or nothing."""
    number = 1 + max((event.number for event in log.handed_in), default=0)
    target = folder.submissions / f"{number:04d}"
    if target.exists():  # of a command that was cut off before it wrote the number down
        shutil.rmtree(target)
    phase = folder.challenge.open_phase(arrived)
    name, sha256 = "", ""
    findings: tuple[CheckedThing, ...] = ()
    not_run: NotRun | None = None
    try:
        kept, sha256 = _copy(source, target)
        name = kept.relative_to(folder.root).as_posix()
    except ImageProblem as problem:
        broken = Finding(
            where=seen.name,
            found=printable(str(problem).replace(str(source), seen.name)),
            expected="an archive, or a folder of files and links",
            code="archive-readable",
        )
        not_run, findings = "broken", (checked_thing(broken),)
    if _seen(seen.team, source) != seen:
        shutil.rmtree(target, ignore_errors=True)
        return "changed while it was copied; it waits"
    same = _same(log, seen.team, phase, sha256)
    if same is not None:
        shutil.rmtree(target)
        log.append(CameAgain(file=seen, number=same.number, at=now.isoformat()))
        return ""
    if phase is None:
        not_run = "outside"
    elif _today(log, seen.team, phase, arrived) >= phase.submissions_a_day:
        not_run = "too many"
    elif not_run is None:
        findings = _static(kept, folder, phase, now)
        if any(f.id == "archive-readable" and f.severity == "problem" for f in findings):
            not_run = "broken"
    log.append(
        HandedIn(
            number=number,
            file=seen,
            sha256=sha256,
            arrived_at=arrived.isoformat(),
            phase=phase.name if phase else "",
            kept_as=name,
            token=token(),
            not_run=not_run,
            findings=findings,
        )
    )
    return ""


def _copy(source: Path, target: Path) -> tuple[Path, str]:
    """A submission as it is kept, and its SHA-256.

    Raises:
        ImageProblem: something in a folder is neither file, folder nor link.
    """
    kept = target / (source.name if _PLAIN.fullmatch(source.name) else "submission")
    if source.is_dir():
        digest = folder_digest(source)
        target.mkdir(parents=True)
        copy_folder(source, kept)
        return kept, digest
    target.mkdir(parents=True)
    running = hashlib.sha256()
    with source.open("rb") as read, kept.open("xb") as written:
        while chunk := read.read(_CHUNK):
            running.update(chunk)
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    sync_folder(target)
    return kept, running.hexdigest()


def _same(log: BoardLog, team: str, phase: Phase | None, sha256: str) -> HandedIn | None:
    """What the team handed in before, byte for byte, in this phase, and was looked at."""
    if phase is None or not sha256:
        return None
    for event in log.handed_in:
        about = (event.file.team, event.phase, event.sha256)
        if about == (team, phase.name, sha256) and event.not_run in (None, "broken"):
            return event
    return None


def _today(log: BoardLog, team: str, phase: Phase, arrived: datetime) -> int:
    """How many of a team's submissions run that arrived on the same day."""
    return sum(
        event.not_run is None
        and (event.file.team.lower(), event.phase) == (team.lower(), phase.name)
        and phase.day(datetime.fromisoformat(event.arrived_at)) == phase.day(arrived)
        for event in log.handed_in
    )


def _static(
    kept: Path, folder: ChallengeFolder, phase: Phase, now: datetime
) -> tuple[CheckedThing, ...]:
    rules = folder.rules[phase.name]
    made = folder_findings(kept, rules) if kept.is_dir() else archive_findings(kept, rules, now=now)
    return tuple(checked_thing(one) for one in made if one.severity is not Severity.OK)
