"""Signatures that others' tools verify: an in-toto statement in a DSSE envelope, with Ed25519.

Formats: in-toto Attestation Framework, statement v1; DSSE 1.0 (`secure-systems-lab/dsse`).
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluate.facts.errors import Problem, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

__all__ = [
    "SignatureProblem",
    "key_id",
    "read_public_key",
    "sign",
    "signed_by",
    "statement",
    "verify",
]

_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:segjudge:run-bundle:v1"


class SignatureProblem(Exception):  # noqa: N818 - a finding about a stranger's file
    """An envelope is none, or its signature is not by this key."""


def statement(files: Mapping[str, str], predicate: Mapping[str, Any]) -> bytes:
    """An in-toto statement about files.

    Args:
        files: name to SHA-256.
        predicate: what is said of them.
    """
    subjects = [{"name": name, "digest": {"sha256": sha}} for name, sha in sorted(files.items())]
    data = {
        "_type": _STATEMENT,
        "subject": subjects,
        "predicateType": PREDICATE,
        "predicate": dict(predicate),
    }
    return json.dumps(data, sort_keys=True, ensure_ascii=False).encode()


def sign(payload: bytes, key_file: Path) -> dict[str, Any]:
    """Put a statement into a signed envelope.

    Raises:
        UsageError: the file holds no Ed25519 private key without a password.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _no_key("--sign", key_file, f"can't be read: {error}", "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key("--sign", key_file, "a key of another kind", "private")
    return _envelope(payload, key)


def _envelope(payload: bytes, key: "Ed25519PrivateKey") -> dict[str, Any]:
    signature = key.sign(_encoded(payload))
    return {
        "payload": base64.b64encode(payload).decode("ascii"),
        "payloadType": _PAYLOAD_TYPE,
        "signatures": [
            {
                "keyid": key_id(key.public_key()),
                "sig": base64.b64encode(signature).decode("ascii"),
            }
        ],
    }


def _encoded(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed."""
    kind = _PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def key_id(key: "Ed25519PublicKey") -> str:
    """SHA-256 of the public key, as SubjectPublicKeyInfo in DER."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(data).hexdigest()


def read_public_key(path: Path) -> "Ed25519PublicKey":
    """Read a public key in PEM.

    Raises:
        UsageError: it is none of Ed25519.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _no_key("--key", path, f"can't be read: {error}", "public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key("--key", path, "a key of another kind", "public")
    return key


def _no_key(option: str, path: Path, found: str, kind: str) -> UsageError:
    make = "openssl genpkey -algorithm ed25519 -out key.pem"
    if kind == "public":
        make = "openssl pkey -in key.pem -pubout -out public.pem"
    return UsageError(
        Problem(
            where=f"{option} {path}",
            found=found,
            expected=f"an Ed25519 {kind} key in PEM, without a password",
            mend=f"`{make}` makes one",
        )
    )


def signed_by(envelope: object) -> list[str]:
    """Ids of the keys that an envelope names; nothing is verified.

    Raises:
        SignatureProblem: it is no envelope.
    """
    return [str(signature.get("keyid")) for signature in _parts(envelope)[1]]


def verify(envelope: object, key: "Ed25519PublicKey") -> dict[str, str]:
    """Check an envelope, and return what its statement says.

    Returns:
        File names and their SHA-256.

    Raises:
        SignatureProblem: no envelope, no statement, or no signature by this key.
    """
    from cryptography.exceptions import InvalidSignature

    payload, signatures = _parts(envelope)
    for signature in signatures:
        try:
            key.verify(base64.b64decode(str(signature["sig"]), validate=True), _encoded(payload))
        except (InvalidSignature, KeyError, binascii.Error):
            continue
        return subjects(envelope)
    raise SignatureProblem("no signature by this key")


def subjects(envelope: object) -> dict[str, str]:
    """File names and SHA-256 of an envelope's statement; nothing is verified.

    Raises:
        SignatureProblem: no envelope, or no statement in it.
    """
    payload, _ = _parts(envelope)
    try:
        said = json.loads(payload)
        if said["_type"] != _STATEMENT or said["predicateType"] != PREDICATE:
            raise SignatureProblem("a statement about something else")
        return {str(s["name"]): str(s["digest"]["sha256"]) for s in said["subject"]}
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureProblem(f"no in-toto statement: {error}") from error


def _parts(envelope: object) -> tuple[bytes, list[dict[str, Any]]]:
    try:
        if not isinstance(envelope, dict) or envelope["payloadType"] != _PAYLOAD_TYPE:
            raise SignatureProblem("no DSSE envelope of an in-toto statement")
        signatures = [s for s in envelope["signatures"] if isinstance(s, dict)]
        return base64.b64decode(str(envelope["payload"]), validate=True), signatures
    except (KeyError, TypeError, binascii.Error) as error:
        raise SignatureProblem(f"no DSSE envelope: {error}") from error
