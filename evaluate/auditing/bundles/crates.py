"""A bundle's description for others' tools: RO-Crate metadata, and digests for sha256sum."""

import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from urllib.parse import quote, unquote

from data_manifest.layouts import format_of

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
