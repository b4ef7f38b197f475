"""BIDS: sub-X/[ses-Y/]KIND/*_SUFFIX.nii.gz, and label maps in derivatives/PIPELINE/ likewise."""

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from data_manifest.findings import Finding
from data_manifest.making.source_layouts.source import (
    Source,
    SourceCase,
    files_below,
    left_over,
    modality_of,
    problem,
)
from data_manifest.making.volume_images import SUFFIXES, stem_of

_REFERENCES = ("dseg", "mask", "msk", "roi", "lesion-msk")
_FOLDS = ("fold", "split")


def find_bids(folder: Path) -> Source:
    """The subjects, or their sessions, of a BIDS data set; channels are suffixes (T1w, FLAIR).

    Two images of one suffix, or two label maps, in one session could each be meant: they are
    refused. `participants.tsv` may have a column `fold` or `split`.
    """
    findings: list[Finding] = []
    images, references = _gathered(folder, findings)
    rows = {row.get("participant_id", ""): row for row in _table(folder / "participants.tsv")}
    cases = []
    for session in sorted({*images, *references}):
        images_here, answers = images.get(session, {}), references.get(session, [])
        fault = _fault(session, images_here, answers)
        if fault is not None:
            findings.append(fault)
            continue
        channels = tuple(sorted(images_here))
        subject = session.partition("_")[0]
        row = rows.get(subject, {})
        cases.append(
            SourceCase(
                identifier=session,
                images=tuple(images_here[channel][0] for channel in channels),
                reference=answers[0],
                channels=channels,
                modality=modality_of(channels),
                label_names=_names(answers[0], folder / "derivatives"),
                group=subject,
                fold=next((row[key] for key in _FOLDS if row.get(key)), ""),
            )
        )
    if not cases and not findings:
        findings.append(problem(folder, "no cases", "sub-X folders, and derivatives of them"))
    return Source(cases=tuple(cases), findings=tuple(findings))


def _gathered(
    folder: Path, findings: list[Finding]
) -> tuple[dict[str, dict[str, list[Path]]], dict[str, list[Path]]]:
    """Images by session and suffix, and label maps by session."""
    raw = folder / "rawdata" if (folder / "rawdata").is_dir() else folder
    images: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    references: dict[str, list[Path]] = defaultdict(list)
    for file in files_below(folder):
        session, suffix = _parsed(file)
        if not session or not file.name.lower().endswith(SUFFIXES):
            continue  # tables, descriptions and sidecars
        if suffix in _REFERENCES:
            references[session].append(file)
        elif file.is_relative_to(folder / "derivatives"):
            findings.append(left_over(file, "a derivative that is no label map"))
        elif file.is_relative_to(raw):
            images[session][suffix].append(file)
    return images, references


def _fault(
    session: str, images: Mapping[str, list[Path]], references: list[Path]
) -> Finding | None:
    """Why a session is no case."""
    if not images:
        return problem(references[0], "a label map without an image", f"an image of {session}")
    if not references:
        return left_over(next(iter(images.values()))[0], "no label map in derivatives")
    several = {"label maps": references} | {f"{s} images": files for s, files in images.items()}
    for what, files in several.items():
        if len(files) > 1:
            expected = f"one; {files[0].name} is there too"
            return problem(files[1], f"several {what} of {session}", expected)
    return None


def _parsed(file: Path) -> tuple[str, str]:
    """`sub-X` or `sub-X_ses-Y` of a name, and its suffix; empty of other names."""
    entities, _, suffix = stem_of(file).rpartition("_")
    match = re.match(r"(sub-[^_]+)(?:_(ses-[^_]+))?(_|$)", entities)
    if match is None:
        return "", ""
    return "_".join(part for part in match.groups()[:2] if part), suffix


def _table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        rows = csv.DictReader(stream, delimiter="\t")
        return [{k: v or "" for k, v in row.items() if isinstance(k, str)} for row in rows]


def _names(reference: Path, derived: Path) -> dict[int, str]:
    """From the table beside the label map, or the nearest one above it that is of all."""
    beside = reference.with_name(f"{stem_of(reference)}.tsv")
    folders = [f for f in reference.parents if f.is_relative_to(derived)]
    for table in (beside, *(path for f in folders for path in sorted(f.glob("*dseg.tsv")))):
        rows = [row for row in _table(table) if row.get("index", "").isdigit() and row.get("name")]
        if rows:
            return {int(row["index"]): row["name"] for row in rows if int(row["index"]) > 0}
    return {}
