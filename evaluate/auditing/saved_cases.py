"""A case that the page of `segjudge try` has saved, to be run again under the same rules."""

import json
from pathlib import Path

from evaluate.auditing.bundles.zip_files import BundleError, extract
from evaluate.facts.rules import Rules, protocol_from_json

PROTOCOL = "protocol.json"
_MANIFEST = "manifest.json"


def unpack_saved_case(path: Path, folder: Path) -> tuple[Path, Rules]:
    """Unpack a saved case into an empty folder.

    Returns:
        Its manifest, and the protocol under which it was tried.

    Raises:
        BundleError: it is no such file, or one that may not be unpacked.
        ProtocolError: what it says of the protocol is none.
    """
    missing = {_MANIFEST, PROTOCOL} - extract(path, folder).keys()
    if missing:
        raise BundleError(
            where=str(path),
            found=f"a zip file without {min(missing)}",
            expected="a case that the page of `segjudge try` has saved",
            mend="the page's *Save* makes one; --manifest takes a folder's manifest.json",
        )
    try:
        data = json.loads((folder / PROTOCOL).read_bytes())
    except ValueError as error:
        found = f"{PROTOCOL} is no JSON: {error}"
        raise BundleError(where=str(path), found=found, expected="the protocol's keys") from error
    return folder / _MANIFEST, protocol_from_json(data, where=f"{path}, {PROTOCOL}")
