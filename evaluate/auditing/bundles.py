"""`segjudge audit --bundle` and `--verify`: a run in one file, and its check elsewhere."""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import msgspec

from data_manifest.manifest import NAME_PATTERN, Manifest, sha256_of
from data_manifest.progress import Progress, silent
from evaluate.auditing import Cause, Finding
from evaluate.auditing.archives import BundleError, extract, write_zip
from evaluate.auditing.crates import (
    METADATA,
    SUMS,
    crate_digests,
    metadata_of,
    read_sums,
    sums_of,
)
from evaluate.auditing.examination import Audit, examine
from evaluate.auditing.manifests import manifest_in_order
from evaluate.auditing.rechecking import AtHand
from evaluate.auditing.signing import (
    SignatureProblem,
    key_id,
    read_public_key,
    sign,
    signed_by,
    statement,
    subjects,
    verify,
)
from evaluate.documents.run import RunDocument, decode_run_document
from evaluate.facts.errors import Problem, UsageError
from evaluate.store import JournalEntry, RunDirectory
from evaluate.store.evidence import read_evidence

__all__ = ["BundleOptions", "Verified", "verify_bundle", "write_bundle"]

ATTESTATION = "attestation.dsse.json"
_JOURNAL = "run/journal.json"
_TABLES = (
    *("runs.csv", "label_scores.csv", "case_scores.csv", "modality_scores.csv"),
    *("ranking.csv", "ranking.json", "audit.json", "manifest.json"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions:
    """What goes into a bundle besides tables, predictions, logs and digests.

    Attributes:
        images: the cases' inputs.
        references: the cases' references.
        key_file: private key to sign with; None for no signature.
    """

    images: bool = False
    references: bool = False
    key_file: Path | None = None


def write_bundle(
    root: Path, target: Path, options: BundleOptions, *, manifest_path: Path | None = None
) -> None:
    """Write a run's evidence as a zip file that is an RO-Crate.

    Args:
        root: the run directory.
        target: the file.
        options: what goes into it.
        manifest_path: where the data lie now, if not where they were.
    """
    run = RunDirectory.open(root)
    with run.locked():
        document = run.document()
        manifest = manifest_in_order(run.root / "manifest.json")
        data_root = (manifest_path or Path(document.manifest.path)).parent
        rules = document.rules_of("score")
        files = dict(_files(run, manifest, data_root, options))
        digests = {name: _sha256(source) for name, source in files.items()}
        sizes = {name: (digests[name], _size(source)) for name, source in files.items()}
        files[METADATA] = metadata_of(
            sizes,
            name=f"{rules.title}: evaluation on {document.manifest.name}",
            description=_description(options, manifest),
            about={
                "version": document.segjudge,
                "identifier": f"sha256:{document.manifest.sha256}",
                "keywords": "segmentation, challenge, evaluation",
            },
        )
        digests[METADATA] = _sha256(files[METADATA])
        files[SUMS] = sums_of(digests)
        if options.key_file is not None:
            said = statement(
                digests | {SUMS: _sha256(files[SUMS])},
                {
                    "segjudge": document.segjudge,
                    "protocol": rules.name,
                    "manifest": document.manifest.sha256,
                },
            )
            envelope = sign(said, options.key_file)
            files[ATTESTATION] = json.dumps(envelope, indent=1).encode()
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.part")
        try:
            write_zip(unfinished, sorted(files.items()))
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)


def _files(
    run: RunDirectory, manifest: Manifest, data_root: Path, options: BundleOptions
) -> Iterator[tuple[str, Path | bytes]]:
    yield "run/run.json", _json(msgspec.to_builtins(_without_paths(run.document())))
    evidence = read_evidence(run.root)
    if evidence is not None:
        kept = msgspec.structs.replace(evidence, run=_without_paths(evidence.run))
        yield "run/evidence.json", _json(msgspec.to_builtins(kept))
    for name in _TABLES:
        if (run.root / name).is_file():
            yield f"run/{name}", run.root / name
    journal = run.journal()
    yield _JOURNAL, _json([msgspec.to_builtins(entry) for entry in journal.values()])
    for team, case, _ in journal:
        results = (run.prediction_path, run.log_path, run.profile_path)
        for path in (path_of(team, case) for path_of in results):
            if path.is_file() and not path.is_symlink():
                yield f"run/{path.relative_to(run.root).as_posix()}", path
    for case_entry in manifest.cases:
        for wanted, entry in (
            (options.images, case_entry.image),
            (options.references, case_entry.reference),
        ):
            if wanted:
                yield f"data/{entry.path}", data_root / entry.path


def _without_paths(document: RunDocument) -> RunDocument:
    """run.json without the folders of the machine, which are nobody's business."""
    replace = msgspec.structs.replace
    return replace(
        document,
        manifest=replace(document.manifest, path=PurePath(document.manifest.path).name),
        submissions=tuple(
            entry
            if entry.kind == "reference"
            else replace(entry, reference=PurePath(entry.reference).name)
            for entry in document.submissions
        ),
    )


def _description(options: BundleOptions, manifest: Manifest) -> str:
    kept = [
        name
        for name, wanted in (("images", options.images), ("references", options.references))
        if wanted
    ]
    left = [name for name in ("images", "references") if name not in kept]
    return (
        f"Tables, predictions, logs and digests of an evaluation on {len(manifest.cases)} cases."
        + (f" With the {' and '.join(kept)}." if kept else "")
        + (
            f" The {' and '.join(left)} are named by their SHA-256 in manifest.json."
            if left
            else ""
        )
        + " `segjudge audit --verify` checks it; `sha256sum --check SHA256SUMS` checks the files."
    )


def _json(data: object) -> bytes:
    return (json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _sha256(source: Path | bytes) -> str:
    if isinstance(source, Path):
        return sha256_of(source)
    return hashlib.sha256(source).hexdigest()


def _size(source: Path | bytes) -> int:
    return source.stat().st_size if isinstance(source, Path) else len(source)


# --- verifying ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a check of a bundle found.

    Attributes:
        audit: of the run in it, with the bundle's own findings first.
        files: how many there are.
        scored: whether scores were computed again.
        signature: in words, who has signed it.
    """

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

    Args:
        path: the bundle, a stranger's.
        key_file: public key that must have signed it; None to leave that open.
        references: folder of the references, if they are not in the bundle.
        workers: processes to score in; None for one a CPU.
        progress: told after every case.

    Raises:
        BundleError: it can't be unpacked, or holds no run.
        UsageError: the key can't be read.
    """
    key = read_public_key(key_file) if key_file else None
    with tempfile.TemporaryDirectory(prefix="segjudge-verify-") as scratch:
        root = Path(scratch)
        found = extract(path, root)
        findings = _altered_members(root, found)
        more, signature = _signature(root, found, key)
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
        files=len(found),
        scored=has_references,
        signature=signature,
    )


def _altered_members(root: Path, found: Mapping[str, str]) -> list[Finding]:
    """Members beside SHA256SUMS and the crate's metadata."""
    sums = read_sums((root / SUMS).read_bytes()) if SUMS in found else {}
    crate = crate_digests((root / METADATA).read_bytes()) if METADATA in found else {}
    findings = []
    for name in sorted((sums.keys() | crate.keys() | found.keys()) - {SUMS, ATTESTATION}):
        lists = [sums] if name == METADATA else [sums, crate]
        recorded = {listed.get(name, "nothing") for listed in lists}
        if recorded != {found.get(name)}:
            findings.append(
                Finding(
                    cause=Cause.BUNDLE,
                    where=name,
                    recorded=f"SHA-256 {' or '.join(sorted(recorded))}",
                    found=f"SHA-256 {found[name]}" if name in found else "no such member",
                )
            )
    return findings


def _signature(root: Path, found: Mapping[str, str], key: Any) -> tuple[list[Finding], str]:
    """What the attestation says, and who has signed it."""

    def finding(cause: Cause, recorded: str, what: str, where: str = ATTESTATION) -> Finding:
        return Finding(cause=cause, where=where, recorded=recorded, found=what)

    if ATTESTATION not in found:
        if key is None:
            return [], "not signed"
        return [finding(Cause.KEY, f"key {key_id(key)}", "no signature")], "not signed"
    try:
        envelope = json.loads((root / ATTESTATION).read_bytes())
        signers = ", ".join(signed_by(envelope))
        said = subjects(envelope)
    except (ValueError, RecursionError, SignatureProblem) as error:
        return [finding(Cause.BUNDLE, "an envelope", str(error))], "damaged"
    findings = [
        finding(
            Cause.BUNDLE,
            f"SHA-256 {said.get(name, 'nothing')}, as signed",
            f"SHA-256 {found[name]}" if name in found else "no such member",
            name,
        )
        for name in sorted((said.keys() | found.keys()) - {ATTESTATION})
        if said.get(name) != found.get(name)
    ]
    if key is None:
        return findings, f"signed with key {signers}, not checked: no --key was given"
    try:
        verify(envelope, key)
    except SignatureProblem as problem:
        text = f"{problem}; it names key {signers}"
        return [finding(Cause.KEY, f"key {key_id(key)}", text), *findings], text
    return findings, f"signed with key {key_id(key)}"


def _journal(path: Path, root: Path) -> dict[tuple[str, str, int], JournalEntry]:
    try:
        entries = msgspec.json.decode((root / _JOURNAL).read_bytes(), type=list[JournalEntry])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BundleError(
            Problem(
                where=f"{path}: {_JOURNAL}",
                found=f"can't be read: {error}",
                expected="the runs, as `segjudge audit --bundle` writes them",
            )
        ) from error
    for entry in entries:
        for name in (entry.record.team, entry.record.case):
            if not re.fullmatch(NAME_PATTERN, name):
                found = f"{name!r}, which is no name of a team or case"
                raise BundleError(Problem(where=f"{path}: {_JOURNAL}", found=found))
    return {(e.record.team, e.record.case, e.record.round): e for e in entries}


def _check_facts(path: Path, root: Path) -> None:
    """What a stranger's run.json and evidence.json say can be read, and names its teams."""
    where = f"{path}: run/run.json"
    try:
        data = (root / "run" / "run.json").read_bytes()
    except OSError as error:
        problem = Problem(where=where, found=f"can't be read: {error}", expected="a run's facts")
        raise BundleError(problem) from error
    documents = [decode_run_document(data, where=where)]
    if (root / "run" / "evidence.json").exists():
        evidence = read_evidence(root / "run")
        if evidence is None:
            where = f"{path}: run/evidence.json"
            raise BundleError(Problem(where=where, found="can't be read", expected="evidence"))
        documents.append(evidence.run)
    for team in {team for document in documents for team in document.teams}:
        if not re.fullmatch(NAME_PATTERN, team):
            found = f"{team!r}, which is no name of a team"
            raise BundleError(Problem(where=where, found=found))


def _lay_out(data: Path, manifest: Manifest, references: Path | None) -> tuple[bool, bool]:
    """Bring the references into the bundle's data; returns which of images and they are there.

    Raises:
        UsageError: `references` is no folder.
    """
    data.mkdir(exist_ok=True)
    if references is not None:
        if not references.is_dir():
            raise UsageError(
                Problem(
                    where=f"--references {references}", found="no such folder", expected="npz files"
                )
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
