"""A bundle, a stranger's, checked with nothing else at hand."""

import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import msgspec

from data_manifest.findings import Finding
from data_manifest.manifest import NAME_PATTERN, Manifest
from data_manifest.progress import Progress, silent
from evaluate.auditing.bundles.members import JOURNAL, altered_members, check_signature
from evaluate.auditing.bundles.signing import read_public_key
from evaluate.auditing.bundles.zip_files import BundleError, extract
from evaluate.auditing.examination import Audit, examine
from evaluate.auditing.manifests import manifest_in_order
from evaluate.auditing.rechecking import AtHand
from evaluate.documents.evidence import read_evidence
from evaluate.documents.journal import JournalEntry, decode_journal
from evaluate.documents.run import decode_run_document
from evaluate.facts.errors import UsageError
from evaluate.sandbox.scratch import scratch_folder
from evaluate.store import RunDirectory

_NAMES = "letters, digits, `.`, `_` and `-`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a check of a bundle found."""

    audit: Audit
    files: int
    scored: bool
    signature: str


def verify_bundle(
    path: Path,
    *,
    key_file: Path | None = None,
    references: Path | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> Verified:
    """Check a bundle: its files, its signature, its scores and places.

    The file is a stranger's. Without a key file, who signed it is left open; references that are
    not in the bundle may be named as a folder.

    Raises:
        BundleError: it can't be unpacked, or holds no run.
        UsageError: the key can't be read.
    """
    key = read_public_key(key_file) if key_file else None
    with scratch_folder() as root:
        digests = extract(path, root)
        findings = altered_members(root, digests)
        more, signature = check_signature(root, digests, key)
        findings += more
        _check_facts(path, root)
        journal = _journal(path, root)
        run = RunDirectory.open(root / "run")
        manifest = manifest_in_order(root / "run" / "manifest.json")
        images, has_references = _lay_out(root / "data", manifest, references)
        at_hand = AtHand(
            manifest_path=root / "data" / "manifest.json",
            images=images,
            references=has_references,
            workers=workers,
            journal=journal,
        )
        audit = examine(run, at_hand=at_hand, progress=progress)
    # A file whose cause the audit knows is not told again as a member that was changed.
    told = " ".join(finding.where for finding in audit.findings)
    own = {
        finding.where: finding
        for finding in reversed(findings)
        if finding.where.removeprefix("run/").removeprefix("data/") not in told
    }
    return Verified(
        audit=replace(audit, findings=[*reversed(own.values()), *audit.findings]),
        files=len(digests),
        scored=has_references,
        signature=signature,
    )


def _journal(path: Path, root: Path) -> dict[tuple[str, str, int], JournalEntry]:
    try:
        entries = decode_journal((root / JOURNAL).read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BundleError(
            where=f"{path}: {JOURNAL}",
            found=f"can't be read: {error}",
            expected="the runs, as `segjudge bundle` writes them",
        ) from error
    for entry in entries:
        for name in (entry.record.team, entry.record.case):
            if not re.fullmatch(NAME_PATTERN, name):
                words = f"{name!r}, which is no name of a team or case"
                where = f"{path}: {JOURNAL}"
                raise BundleError(where=where, found=words, expected=_NAMES)
    return {(e.record.team, e.record.case, e.record.round): e for e in entries}


def _check_facts(path: Path, root: Path) -> None:
    """What a stranger's run.json and evidence.json say can be read, and names its teams."""
    where = f"{path}: run/run.json"
    try:
        data = (root / "run" / "run.json").read_bytes()
    except OSError as error:
        problem = Finding(where=where, found=f"can't be read: {error}", expected="a run's facts")
        raise BundleError(problem) from error
    documents = [decode_run_document(data, where=where)]
    if (root / "run" / "evidence.json").exists():
        evidence = read_evidence(root / "run")
        if evidence is None:
            where = f"{path}: run/evidence.json"
            raise BundleError(where=where, found="can't be read", expected="evidence")
        documents.append(evidence.run)
    for team in {team for document in documents for team in document.teams}:
        if not re.fullmatch(NAME_PATTERN, team):
            words = f"{team!r}, which is no name of a team"
            raise BundleError(where=where, found=words, expected=_NAMES)


def _lay_out(data: Path, manifest: Manifest, references: Path | None) -> tuple[bool, bool]:
    """Bring the references into the bundle's data; returns which of images and they are there."""
    data.mkdir(exist_ok=True)
    if references is not None:
        if not references.is_dir():
            raise UsageError(
                where=f"--references {references}",
                found="no such folder",
                expected="the references",
            )
        for case in manifest.cases:
            relative = PurePath(case.reference.path)
            for source in (references / relative, references / relative.name):
                if source.is_file() and not (data / relative).exists():
                    (data / relative).parent.mkdir(parents=True, exist_ok=True)
                    (data / relative).symlink_to(source.resolve())
    images = any((data / case.image.path).is_file() for case in manifest.cases)
    there = any((data / case.reference.path).is_file() for case in manifest.cases)
    return images, there or references is not None
