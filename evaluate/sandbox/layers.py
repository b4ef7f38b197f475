"""What lies in an image's layers, by the headers in its archive alone: nothing is unpacked.

A layer is a tar file within the archive's tar file, and both are a stranger's. They are read as
streams within bounds; of all contents only a small predict.sh is kept.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluate.sandbox.archives import ArchivedImage
from evaluate.sandbox.image_settings import ImageSettings, read_settings
from evaluate.sandbox.port import ImageProblem
from evaluate.sandbox.tarstream import TarMember, open_layer, open_members

_MOST_ENTRIES = 1_000_000
_MOST_KEPT = 400_000
_LONGEST_PATH = 4096  # a kernel opens no longer one
_LARGEST_CONFIG = 4 * 2**20
_SCRIPT, _LARGEST_SCRIPT = "predict.sh", 2**16


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerEntry:
    """One entry of a layer, or of a folder.

    Attributes:
        path: normalised, without a slash in front; the bytes are a stranger's.
        kind: `file`, `link`, `hardlink`, `folder` or `other`.
        size: bytes of a file.
        mode: permissions.
        link: what a link stands for.
        content: of a predict.sh that is small; None otherwise.
    """

    path: str
    kind: str
    size: int
    mode: int
    link: str = ""
    content: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageContents:
    """An image's configuration and its layers, from the bottom."""

    settings: ImageSettings
    layers: tuple[tuple[LayerEntry, ...], ...]
    unread: tuple[str, ...]


def read_layers(path: Path, image: ArchivedImage) -> ImageContents:
    """Walk the headers of all layers.

    Raises:
        ImageProblem: the archive is damaged.
    """
    wanted = set(image.layers)
    listings: dict[str, tuple[LayerEntry, ...]] = {}
    settings = ImageSettings()
    unread: list[str] = []
    room = _MOST_KEPT
    with open_members(path) as members:
        for member in members:
            if member.link is not None:
                continue
            if member.name == image.config:
                settings = read_settings(member.read(_LARGEST_CONFIG))
            elif member.name in wanted:
                entries, problem = _listing(member, room)
                listings[member.name] = tuple(entries)
                room -= len(entries)
                if problem:
                    unread.append(problem)
    return ImageContents(
        settings=settings,
        layers=tuple(listings.get(name, ()) for name in image.layers),
        unread=tuple(unread),
    )


def _listing(member: TarMember, room: int) -> tuple[list[LayerEntry], str]:
    """A layer's entries, and why they are not all."""
    entries: list[LayerEntry] = []
    try:
        with open_layer(member) as layer:
            for info, entry in layer.entries(_MOST_ENTRIES):
                if len(entries) >= room:
                    return entries, f"more than {_MOST_KEPT} files in the layers"
                if len(entry.name) <= _LONGEST_PATH:
                    entries.append(_entry(info, entry))
    except ImageProblem as problem:
        return entries, str(problem)
    return entries, ""


def _entry(info: Any, member: TarMember) -> LayerEntry:
    kind = (
        "file"
        if info.isreg()
        else "folder"
        if info.isdir()
        else "link"
        if info.issym()
        else "hardlink"
        if info.islnk()
        else "other"
    )
    script = kind == "file" and posixpath.basename(member.name) == _SCRIPT
    return LayerEntry(
        path=member.name.lstrip("/"),
        kind=kind,
        size=info.size if kind == "file" else 0,
        mode=info.mode,
        link=info.linkname if kind in ("link", "hardlink") else "",
        content=member.read(_LARGEST_SCRIPT) if script else None,
    )


def save_image(reference: str, path: Path, *, environment: Mapping[str, str]) -> None:
    """Write an image of the engine to an archive, as `docker save` does.

    Raises:
        SandboxError: the engine failed.
        EngineMissingError: none answers.
    """
    # Imported here: only an image reference needs the engine.
    from evaluate.sandbox.containers import engine_failures
    from evaluate.sandbox.engine import open_engine

    engine = open_engine(environment)
    try:
        with engine_failures(f"saving {reference}"), path.open("wb") as file:
            for chunk in engine.get_image(reference):
                file.write(chunk)
    finally:
        engine.close()
