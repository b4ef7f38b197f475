"""Whether a run's files are still what was run: every hash, and every score, again."""

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_manifest.manifest import Manifest, sha256_of
from evaluate.store import JournalEntry, RunDirectory
from evaluate.tables import read_table

__all__ = ["Difference", "altered_files", "altered_ranks", "altered_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as the run left it.

    Attributes:
        where: file, or table and row.
        recorded: what the run recorded.
        found: what is there now, or what the same computation gives now.
    """

    where: str
    recorded: str
    found: str


def altered_files(
    run: RunDirectory,
    journal: Iterable[JournalEntry],
    manifest: Manifest,
    data_root: Path,
) -> list[Difference]:
    """Inputs, references, predictions and logs whose bytes are not those of the run."""
    expected: list[tuple[Path, str | None]] = []
    for case in manifest.cases:
        expected.append((data_root / case.image.path, case.image.sha256))
        expected.append((data_root / case.reference.path, case.reference.sha256))
    for entry in journal:
        team, case_id = entry.record.team, entry.record.case
        expected.append((run.prediction_path(team, case_id), entry.prediction_sha256))
        expected.append((run.log_path(team, case_id), entry.log_sha256))
    differences = []
    for path, recorded in expected:
        found = sha256_of(path) if path.is_file() else None
        if found != recorded:
            differences.append(
                Difference(
                    where=str(path),
                    recorded=f"SHA-256 {recorded}" if recorded else "no file",
                    found=f"SHA-256 {found}" if found else "no file",
                )
            )
    return differences


def altered_rows(recorded: Path, again: Iterable[Any], kind: type) -> list[Difference]:
    """Cells of a table that the same computation does not give again, bit for bit.

    Raises:
        TableError: the table can't be read.
    """
    before = {_key(row): row for row in read_table(recorded, kind)}
    now = {_key(row): row for row in again}
    differences = []
    for key in sorted(before.keys() | now.keys()):
        where = f"{recorded.name}, {' '.join(key)}"
        if key not in now or key not in before:
            found = "no such row" if key not in now else "a row"
            other = "a row" if key not in now else "no such row"
            differences.append(Difference(where=where, recorded=other, found=found))
            continue
        for field in dataclasses.fields(kind):
            old, new = getattr(before[key], field.name), getattr(now[key], field.name)
            if old != new:
                differences.append(
                    Difference(where=f"{where}, {field.name}", recorded=str(old), found=str(new))
                )
    return differences


def altered_ranks(recorded: Path, again: dict[str, Any]) -> list[Difference]:
    """Places in ranking.json that the case scores do not give again."""
    try:
        before = json.loads(recorded.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [Difference(where=recorded.name, recorded="a ranking", found=str(error))]
    now = json.loads(json.dumps(again, allow_nan=False))
    return [
        Difference(
            where=f"{recorded.name}, {section}",
            recorded=_shortened(before.get(section)),
            found=_shortened(now.get(section)),
        )
        for section in ("overall", "methods", "failures")
        if before.get(section) != now.get(section)
    ]


def _shortened(value: object) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 200 else text[:197] + "..."


def _key(row: object) -> tuple[str, ...]:
    names = ("team", "case", "modality", "label", "metric")
    return tuple(str(getattr(row, name)) for name in names if hasattr(row, name))
