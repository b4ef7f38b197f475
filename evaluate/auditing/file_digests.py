"""Images, references, predictions and logs whose bytes are not those that were recorded."""

import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from data_manifest.findings import Cell, Finding
from data_manifest.layouts import open_regular_file
from data_manifest.manifest import Manifest, sha256_of
from evaluate.documents.audit import Cause
from evaluate.documents.journal import JournalEntry
from evaluate.facts.turns import Turn
from evaluate.store import RunDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class AlteredFile:
    """A file that is not the recorded one.

    Attributes:
        cause: what kind of file it is, as the cause of whatever follows.
        team: whose it is; empty for a file of the data.
        path: where it should be.
        shown: its path as it is told.
        recorded: its SHA-256; None if there was no file.
        found: the SHA-256 of what is there now; None if there is no file.
        round: of prompts, whose file it is.
    """

    cause: Cause
    team: str
    case: str
    path: Path
    shown: str
    recorded: str | None
    found: str | None
    round: int = 0


def altered_data(
    manifest: Manifest, data_root: Path, *, images: bool = True, references: bool = True
) -> tuple[list[AlteredFile], int]:
    """Inputs and references that are not those of the manifest, and how many were looked at."""
    altered, looked_at = [], 0
    for case in manifest.cases:
        kinds = [(images, Cause.INPUTS, entry) for entry in case.inputs]
        kinds.append((references, Cause.REFERENCE, case.reference))
        for _, cause, entry in filter(operator.itemgetter(0), kinds):
            looked_at += 1
            path = data_root / entry.path
            digest = sha256_of(path) if path.is_file() else None
            if digest != entry.sha256:
                altered.append(
                    AlteredFile(
                        cause=cause,
                        team="",
                        case=case.id,
                        path=path,
                        shown=entry.path,
                        recorded=entry.sha256,
                        found=digest,
                    )
                )
    return altered, looked_at


def altered_results(
    run: RunDirectory, journal: Iterable[JournalEntry]
) -> tuple[list[AlteredFile], int]:
    """Predictions, logs and profiles that are not those of the journal, and how many there are."""
    altered, looked_at = [], 0
    for entry in journal:
        team, case = entry.record.team, entry.record.case
        mask, log, profile = run.files_of(Turn(team=team, case=case, round=entry.record.round))
        kept = [(Cause.MASK, mask, entry.prediction_sha256), (Cause.LOG, log, entry.log_sha256)]
        if entry.profile_sha256 is not None or os.path.lexists(profile):
            kept.append((Cause.PROFILE, profile, entry.profile_sha256))
        for cause, path, recorded in kept:
            looked_at += 1
            digest = _digest(path)
            if digest != recorded:
                altered.append(
                    AlteredFile(
                        cause=cause,
                        team=team,
                        case=case,
                        path=path,
                        shown=path.relative_to(run.root).as_posix(),
                        recorded=recorded,
                        found=digest,
                        round=entry.record.round,
                    )
                )
    return altered, looked_at


def _digest(path: Path) -> str | None:
    """SHA-256 of a participant's file; None if there is none, or something that is no file."""
    stream = open_regular_file(path)
    if stream is None:
        return None
    stream.close()
    return sha256_of(path)


def swapped_files(altered: Sequence[AlteredFile]) -> list[tuple[str, str]]:
    """Pairs of teams whose masks have changed places in every case where they differ."""
    masks = {(a.team, a.case): a for a in altered if a.cause is Cause.MASK}
    teams = sorted({team for team, _ in masks})
    pairs = []
    for index, first in enumerate(teams):
        for second in teams[index + 1 :]:
            ours = {case: a for (team, case), a in masks.items() if team == first}
            theirs = {case: a for (team, case), a in masks.items() if team == second}
            if ours.keys() == theirs.keys() and all(
                ours[case].found == theirs[case].recorded
                and theirs[case].found == ours[case].recorded
                for case in ours
            ):
                pairs.append((first, second))
    return pairs


def as_found(
    altered: Sequence[AlteredFile],
    journal: dict[tuple[str, str, int], JournalEntry],
    data: Manifest,
) -> tuple[dict[tuple[str, str, int], JournalEntry], Manifest]:
    """Journal and manifest as if they spoke of the files that are there, to score those.

    Cases whose reference is missing are left out.
    """
    masks = {(a.team, a.case, a.round): a.found for a in altered if a.cause is Cause.MASK}
    references = {a.case: a.found for a in altered if a.cause is Cause.REFERENCE}
    cases = []
    for case in data.cases:
        if case.id in references:
            digest = references[case.id]
            if digest is None:
                continue
            entry = msgspec.structs.replace(case.reference, sha256=digest)
            cases.append(msgspec.structs.replace(case, reference=entry))
        else:
            cases.append(case)
    kept = {case.id for case in cases}
    # What is no file any more is not opened; its case stays unscored.
    closed = {
        (a.team, a.case, a.round)
        for a in altered
        if a.cause is Cause.MASK and a.found is None and os.path.lexists(a.path)
    }
    entries = {
        key: msgspec.structs.replace(entry, prediction_sha256=masks[key]) if key in masks else entry
        for key, entry in journal.items()
        if key[1] in kept and key not in closed
    }
    return entries, msgspec.structs.replace(data, cases=tuple(cases))


def file_findings(
    altered: Sequence[AlteredFile], follows: Mapping[tuple[str, str], Sequence[Cell]]
) -> list[Finding]:
    """One finding for each altered file, for each pair of teams that was swapped, or for a folder.

    What follows are the cells that differ because of a file, by team and case.
    """
    findings, told = [], set()
    for first, second in swapped_files(altered):
        members = [a for a in altered if a.team in (first, second)]
        told |= {a.path for a in members}
        findings.append(
            Finding(
                code=Cause.SWAPPED,
                where=f"predictions/{first}, predictions/{second}",
                expected=f"{first} and {second}",
                found=f"{first}'s masks stand under {second}, and the other way round",
                teams=(first, second),
                cases=tuple(sorted({a.case for a in members})),
                cells=tuple(
                    cell
                    for key in sorted({(a.team, a.case) for a in members})
                    for cell in follows.get(key, ())
                ),
            )
        )
    for file in altered:
        if file.path in told:
            continue
        cells: tuple[Cell, ...] = ()
        if file.cause in (Cause.MASK, Cause.REFERENCE):
            cells = tuple(
                cell
                for (team, case), affected in sorted(follows.items())
                if case == file.case and file.team in ("", team)
                for cell in affected
            )
        findings.append(
            Finding(
                code=file.cause,
                where=file.shown,
                expected=f"SHA-256 {file.recorded}" if file.recorded else "no file",
                found=f"SHA-256 {file.found}" if file.found else "no file",
                teams=(file.team,) if file.team else (),
                cases=(file.case,),
                cells=cells,
            )
        )
    return findings
