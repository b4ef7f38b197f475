"""Bundles as zip files: written in a fixed order, and read as what they are, a stranger's.

Every member is checked before a byte of any is written: only plain files, only inside the folder,
none twice, none that share their bytes, and not more than there is room for.
"""

import hashlib
import json
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from data_manifest.layouts import format_of
from evaluate.facts.errors import SegjudgeError
from evaluate.facts.rules import Rules, protocol_from_json

_MOST_MEMBERS = 2_000_000
_LONGEST_NAME = 1000
_PIECE = 1 << 20


class BundleError(SegjudgeError):
    """A file is no bundle, or one that may not be unpacked."""


def write_zip(path: Path, files: Iterable[tuple[str, Path | bytes]]) -> None:
    """Write files into a new zip; the same files give the same bytes.

    Masks and cases are compressed already, and are stored as they are.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in files:
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            form = format_of(name)
            packed = form is not None and form.is_compressed
            info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            if isinstance(source, bytes):
                archive.writestr(info, source)
                continue
            info.file_size = source.stat().st_size
            with source.open("rb") as stream, archive.open(info, "w") as target:
                while piece := stream.read(_PIECE):
                    target.write(piece)


def extract(path: Path, folder: Path) -> dict[str, str]:
    """Unpack a bundle into an empty folder.

    Returns:
        Each member's SHA-256.

    Raises:
        BundleError: no zip file, or a member that may not be unpacked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            _check(path, members, folder)
            return {info.filename: _unpack(archive, info, folder) for info in members}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError) as error:
        raise _refused(path, f"can't be unpacked: {error}") from error


def _check(path: Path, members: list[zipfile.ZipInfo], folder: Path) -> None:
    size = path.stat().st_size
    if len(members) > _MOST_MEMBERS:
        raise _refused(path, f"{len(members)} members")
    seen: set[str] = set()
    for info in members:
        problem = _problem(info, seen)
        if problem:
            raise _refused(path, f"member {info.filename!r}: {problem}")
        seen.add(info.filename.casefold())
    folders = {str(parent) for name in seen for parent in PurePosixPath(name).parents}
    if folders & seen:
        raise _refused(path, f"{sorted(folders & seen)[0]!r} is a file and a folder")
    if sum(info.compress_size for info in members) > size:
        raise _refused(path, "members that share their bytes")
    # Sizes are as declared, and no more than that is read. A ratio would say nothing: masks and
    # logs may be almost empty, and a participant decides on that.
    unpacked, room = sum(info.file_size for info in members), shutil.disk_usage(folder).free
    if unpacked > room // 2:
        raise _refused(path, f"{unpacked >> 20} MiB unpacked; there is room for {room >> 20} MiB")


def _problem(info: zipfile.ZipInfo, seen: set[str]) -> str:
    name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
    # As it is in the file: the library cuts a name at a NUL.
    if name != info.orig_filename or not name.isprintable() or len(name) > _LONGEST_NAME:
        return "no name of a file"
    parts = name.split("/")
    if "\\" in name or ":" in name or any(part in ("", ".", "..") for part in parts):
        return "not a path inside the bundle"
    if kind not in (0, stat.S_IFREG):
        return "a link or a device"
    if info.flag_bits & 0x1:
        return "encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "compressed in an unusual way"
    return "a name twice" if name.casefold() in seen else ""


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path) -> str:
    target = folder.joinpath(*info.filename.split("/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with archive.open(info) as source, target.open("xb") as out:
        while piece := source.read(_PIECE):
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()


def _refused(path: Path, found: str) -> BundleError:
    makers = "`segjudge bundle` or the page of `segjudge try`"
    return BundleError(where=str(path), found=found, expected=f"a zip of plain files, by {makers}")


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
