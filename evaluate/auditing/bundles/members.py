"""A bundle's members beside what its lists and its signature say of them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from data_manifest.findings import Finding
from data_manifest.layouts import format_of
from evaluate.auditing.bundles.signing import SignatureProblem, read_envelope, subjects, verify
from evaluate.documents.audit import Cause

ATTESTATION = "attestation.dsse.json"
JOURNAL = "run/journal.json"
METADATA = "ro-crate-metadata.json"
SUMS = "SHA256SUMS"
_VERSION = "https://w3id.org/ro/crate/1.2"
_KINDS = {".csv": "text/csv", ".json": "application/json", ".log": "text/plain"}
_UNKNOWN = "application/octet-stream"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def _media_type(path: str) -> str:
    form = format_of(path)
    return form.media_type if form else _KINDS.get(PurePath(path).suffix, _UNKNOWN)


def metadata_of(
    files: Mapping[str, tuple[str, int]],
    *,
    name: str,
    description: str,
    published_at: str,
    about: Mapping[str, str],
) -> bytes:
    """The RO-Crate metadata of a bundle.

    Files are named with their SHA-256 and size in bytes; times are ISO 8601.
    """
    whole = {
        "@id": "./",
        "@type": "Dataset",
        "datePublished": published_at,
        "name": name,
        "description": description,
        **about,
        "hasPart": [{"@id": quote(path)} for path in sorted(files)],
    }
    itself = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "conformsTo": {"@id": _VERSION},
        "about": {"@id": "./"},
    }
    parts = [
        {
            "@id": quote(path),
            "@type": "File",
            "name": path.rpartition("/")[2],
            "sha256": sha256,
            "contentSize": str(size),
            "encodingFormat": _media_type(path),
        }
        for path, (sha256, size) in sorted(files.items())
    ]
    crate = {"@context": f"{_VERSION}/context", "@graph": [whole, itself, *parts]}
    return (json.dumps(crate, indent=1, ensure_ascii=False) + "\n").encode()


def crate_digests(data: bytes) -> dict[str, str]:
    """What the metadata of a bundle says of each file; nothing where it can't be read."""
    try:
        graph = json.loads(data)["@graph"]
        return {
            unquote(str(entity["@id"])): str(entity["sha256"])
            for entity in graph
            if isinstance(entity, dict) and "sha256" in entity
        }
    except (ValueError, KeyError, TypeError):
        return {}


def sums_of(digests: Mapping[str, str]) -> bytes:
    """Digests as `sha256sum --check` reads them."""
    return "".join(f"{sha}  {name}\n" for name, sha in sorted(digests.items())).encode()


def read_sums(data: bytes) -> dict[str, str]:
    """Read what `sums_of` wrote; lines of another form are left out, and their files missed."""
    text = data.decode("utf-8", "replace")
    matches = (_LINE.fullmatch(line) for line in text.splitlines())
    return {match[2]: match[1] for match in matches if match}


if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey


def altered_members(root: Path, digests: Mapping[str, str]) -> list[Finding]:
    """Members beside SHA256SUMS and the crate's metadata."""
    sums = read_sums((root / SUMS).read_bytes()) if SUMS in digests else {}
    crate = crate_digests((root / METADATA).read_bytes()) if METADATA in digests else {}
    findings = []
    for name in sorted((sums.keys() | crate.keys() | digests.keys()) - {SUMS, ATTESTATION}):
        lists = [sums] if name == METADATA else [sums, crate]
        recorded = {listed.get(name, "nothing") for listed in lists}
        if recorded != {digests.get(name)}:
            findings.append(
                Finding(
                    code=Cause.BUNDLE,
                    where=name,
                    expected=f"SHA-256 {' or '.join(sorted(recorded))}",
                    found=f"SHA-256 {digests[name]}" if name in digests else "no such member",
                )
            )
    return findings


def check_signature(
    root: Path, digests: Mapping[str, str], key: "SSlibKey | None"
) -> tuple[list[Finding], str]:
    """What the attestation says, and who has signed it."""

    def finding(cause: Cause, recorded: str, what: str, where: str = ATTESTATION) -> Finding:
        return Finding(code=cause, where=where, expected=recorded, found=what)

    if ATTESTATION not in digests:
        if key is None:
            return [], "not signed"
        return [finding(Cause.KEY, f"key {key.keyid}", "no signature")], "not signed"
    try:
        envelope = read_envelope((root / ATTESTATION).read_bytes())
        signers = ", ".join(envelope.signatures)
        said = subjects(envelope)
    except SignatureProblem as error:
        return [finding(Cause.BUNDLE, "an envelope", str(error))], "damaged"
    findings = [
        finding(
            Cause.BUNDLE,
            f"SHA-256 {said.get(name, 'nothing')}, as signed",
            f"SHA-256 {digests[name]}" if name in digests else "no such member",
            name,
        )
        for name in sorted((said.keys() | digests.keys()) - {ATTESTATION})
        if said.get(name) != digests.get(name)
    ]
    if key is None:
        return findings, f"signed with key {signers}, not checked: no --key was given"
    try:
        verify(envelope, key)
    except SignatureProblem as problem:
        text = f"{problem}; it names key {signers}"
        return [finding(Cause.KEY, f"key {key.keyid}", text), *findings], text
    return findings, f"signed with key {key.keyid}"
