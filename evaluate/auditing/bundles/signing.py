"""Signatures that others' tools verify: an in-toto statement in a DSSE envelope, with Ed25519.

Formats: in-toto Attestation Framework, statement v1; DSSE 1.0 (`secure-systems-lab/dsse`), by
`securesystemslib`.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from evaluate.facts.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "urn:segjudge:run-bundle:v1"


class SignatureProblem(Exception):  # noqa: N818 - a finding about a stranger's file
    """An envelope is none, or its signature is not by this key."""


class _Digest(msgspec.Struct, frozen=True):
    sha256: str


class _Subject(msgspec.Struct, frozen=True):
    name: str
    digest: _Digest


class _Statement(msgspec.Struct, frozen=True):
    """An in-toto statement about files; what else it says is left to its reader."""

    type: str = msgspec.field(name="_type")
    subject: tuple[_Subject, ...]
    predicate_type: str = msgspec.field(name="predicateType")


def statement(files: Mapping[str, str], predicate: Mapping[str, str]) -> bytes:
    """An in-toto statement about files."""
    subject = [{"name": name, "digest": {"sha256": sha}} for name, sha in sorted(files.items())]
    data = {
        "_type": _STATEMENT,
        "subject": subject,
        "predicateType": _PREDICATE,
        "predicate": dict(predicate),
    }
    return json.dumps(data, sort_keys=True, ensure_ascii=False).encode()


def sign(payload: bytes, key_file: Path) -> bytes:
    """Put a statement into a signed envelope.

    Returns:
        The envelope, as JSON.

    Raises:
        UsageError: the file holds no Ed25519 private key without a password.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _no_key("--sign", key_file, f"can't be read: {error}", "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key("--sign", key_file, "a key of another kind", "private")
    envelope = Envelope(payload, _PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key, _named(key.public_key())))
    return json.dumps(envelope.to_dict(), indent=1).encode()


def _named(key: "Ed25519PublicKey") -> "SSlibKey":
    """The key by its name: SHA-256 of the public key, as SubjectPublicKeyInfo in DER."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from securesystemslib.signer import SSlibKey

    data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SSlibKey.from_crypto(key, keyid=hashlib.sha256(data).hexdigest())


def read_public_key(path: Path) -> "SSlibKey":
    """Read a public key in PEM; its `keyid` is what an envelope names it by.

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
    return _named(key)


def _no_key(option: str, path: Path, what: str, kind: str) -> UsageError:
    make = "openssl genpkey -algorithm ed25519 -out key.pem"
    if kind == "public":
        make = "openssl pkey -in key.pem -pubout -out public.pem"
    return UsageError(
        where=f"{option} {path}",
        found=what,
        expected=f"an Ed25519 {kind} key in PEM, without a password",
        mend=f"`{make}` makes one",
    )


def read_envelope(data: bytes) -> "Envelope":
    """Read a stranger's envelope; nothing is verified. `signatures` are by the keys' ids.

    Raises:
        SignatureProblem: it is no DSSE envelope of an in-toto statement.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError

    try:
        envelope = Envelope.from_dict(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, FormatError) as error:
        raise SignatureProblem(f"no DSSE envelope: {error}") from error
    if envelope.payload_type != _PAYLOAD_TYPE:
        raise SignatureProblem("no DSSE envelope of an in-toto statement")
    return envelope


def verify(envelope: "Envelope", key: "SSlibKey") -> None:
    """Check an envelope's signature.

    Raises:
        SignatureProblem: no signature by this key.
    """
    from securesystemslib.exceptions import VerificationError

    try:
        envelope.verify([key], 1)
    except VerificationError as error:
        raise SignatureProblem("no signature by this key") from error


def subjects(envelope: "Envelope") -> dict[str, str]:
    """File names and SHA-256 of an envelope's statement; nothing is verified.

    Raises:
        SignatureProblem: no statement in it, or one about something else.
    """
    try:
        said = msgspec.json.decode(envelope.payload, type=_Statement)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SignatureProblem(f"no in-toto statement: {error}") from error
    if (said.type, said.predicate_type) != (_STATEMENT, _PREDICATE):
        raise SignatureProblem("a statement about something else")
    return {subject.name: subject.digest.sha256 for subject in said.subject}
