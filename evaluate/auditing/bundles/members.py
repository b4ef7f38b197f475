"""A bundle's members beside what its lists and its signature say of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from data_manifest.findings import Finding
from evaluate.auditing.bundles.crates import ATTESTATION, METADATA, SUMS, crate_digests, read_sums
from evaluate.auditing.bundles.signing import SignatureProblem, read_envelope, subjects, verify
from evaluate.documents.audit import Cause

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
