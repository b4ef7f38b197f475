"""A bundle's description for others' tools: RO-Crate metadata, and digests for sha256sum."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

__all__ = ["METADATA", "SUMS", "crate_digests", "metadata_of", "read_sums", "sums_of"]

METADATA = "ro-crate-metadata.json"
SUMS = "SHA256SUMS"
_KINDS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".log": "text/plain",
    ".npz": "application/zip",
    ".gz": "application/gzip",
    ".png": "image/png",
}
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def metadata_of(
    files: Mapping[str, tuple[str, int]], *, name: str, description: str, about: Mapping[str, Any]
) -> bytes:
    """The RO-Crate metadata of a bundle.

    Args:
        files: name to SHA-256 and size in bytes.
        name: of the whole.
        description: of the whole, in words.
        about: further properties of the root data set.
    """
    from rocrate.rocrate import ROCrate  # slow to import

    crate = ROCrate(version="1.2")
    crate.name = name
    crate.description = description
    for key, value in about.items():
        crate.root_dataset[key] = value
    for path, (sha256, size) in sorted(files.items()):
        ending = f".{path.rpartition('.')[2]}"
        properties = {
            "name": path.rpartition("/")[2],
            "sha256": sha256,
            "contentSize": str(size),
            "encodingFormat": _KINDS.get(ending, "application/octet-stream"),
        }
        crate.add_file(dest_path=path, properties=properties)
    return (json.dumps(crate.metadata.generate(), indent=1, ensure_ascii=False) + "\n").encode()


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
    found = (_LINE.fullmatch(line) for line in text.splitlines())
    return {match[2]: match[1] for match in found if match}
