"""A run's evidence as one zip file that is an RO-Crate, for others to check."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import msgspec

from data_manifest.manifest import Manifest, sha256_of
from evaluate.auditing.bundles.members import (
    ATTESTATION,
    JOURNAL,
    METADATA,
    SUMS,
    metadata_of,
    sums_of,
)
from evaluate.auditing.bundles.signing import sign, statement
from evaluate.auditing.bundles.zip_files import write_zip
from evaluate.auditing.manifests import manifest_in_order
from evaluate.documents.evidence import read_evidence
from evaluate.documents.journal import encode_journal
from evaluate.documents.run import RunDocument
from evaluate.facts.turns import Turn
from evaluate.store import RunDirectory

_TABLES = (
    *("runs.csv", "label_scores.csv", "case_scores.csv", "round_scores.csv", "modality_scores.csv"),
    *("ranking.csv", "ranking.json", "audit.json", "manifest.json"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions:
    """What goes into a bundle besides tables, predictions, logs and digests."""

    images: bool = False
    references: bool = False
    key_file: Path | None = None


def write_bundle(
    root: Path, target: Path, options: BundleOptions, *, manifest_path: Path | None = None
) -> None:
    """Write a run's evidence as a zip file that is an RO-Crate."""
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
            published_at=document.finished_at or document.created_at,
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
            files[ATTESTATION] = sign(said, options.key_file)
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
    yield JOURNAL, encode_journal(journal.values())
    for team, case, number in journal:
        for path in run.files_of(Turn(team=team, case=case, round=number)):
            if path.is_file() and not path.is_symlink():
                yield f"run/{path.relative_to(run.root).as_posix()}", path
    for case_entry in manifest.cases:
        inputs = case_entry.inputs if options.images else ()
        references = (case_entry.reference,) if options.references else ()
        for entry in (*inputs, *references):
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
        + " `segjudge verify` checks it; `sha256sum --check SHA256SUMS` checks the files."
    )


def _json(data: object) -> bytes:
    return (json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _sha256(source: Path | bytes) -> str:
    if isinstance(source, Path):
        return sha256_of(source)
    return hashlib.sha256(source).hexdigest()


def _size(source: Path | bytes) -> int:
    return source.stat().st_size if isinstance(source, Path) else len(source)
