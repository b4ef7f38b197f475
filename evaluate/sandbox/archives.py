"""Reads `docker save` archives of strangers without unpacking, and hands on only what they need.

An engine's own `load` takes over any tag that an archive claims, and follows what is in it. So the
archive is read as a stream first, and what goes to the engine is written anew: the configuration
and the layers under names of ours, and a manifest without tags. No name, link or further file of a
stranger reaches the engine.
"""

import hashlib
import json
import posixpath
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluate.sandbox.port import ImageProblem
from evaluate.sandbox.tarstream import SAVE, TarMember, is_compressed, open_members, unpacked_bytes

_CHUNK = 2**20
_LARGEST_JSON = 4 * 2**20
_JSON_TOGETHER = 64 * 2**20
_SAVE = f"save it with {SAVE}"


_MOST_SETTINGS = 1000
_LARGEST_SETTINGS = 2**20


def refuse_excess(settings: Mapping[str, Any]) -> None:
    """Refuse a configuration that would keep an engine busy before any limit holds.

    Raises:
        ImageProblem: more entries, or longer ones, than any Dockerfile makes.
    """
    for key, value in settings.items():
        if isinstance(value, list | dict) and len(value) > _MOST_SETTINGS:
            raise ImageProblem(
                f"the image's configuration has {len(value)} entries in {key}, more than"
                f" {_MOST_SETTINGS}"
            )
    size = len(json.dumps(settings))
    if size > _LARGEST_SETTINGS:
        raise ImageProblem(f"the image's configuration is {size} bytes, over {_LARGEST_SETTINGS}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedImage:
    """The one image of an archive.

    Attributes:
        config: name of the member with the image's configuration.
        config_sha256: its digest, which is the image's id for an engine.
        layers: names of the members with the layers, from the bottom.
        tags: names that the archive claims; never given to it.
        architecture: as the configuration says, such as `amd64`.
        system: as the configuration says, such as `linux`.
        archive_sha256: of the file.
        unpacked_bytes: size of all members together, decompressed.
    """

    config: str
    config_sha256: str
    layers: tuple[str, ...]
    tags: tuple[str, ...]
    architecture: str
    system: str
    archive_sha256: str
    unpacked_bytes: int


class _Contents:
    """What one pass over an archive has seen: sizes, links, and the small JSON files."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.links: dict[str, str] = {}
        self.texts: dict[str, bytes] = {}
        self.within = 0  # what compressed members hold beyond their own sizes
        self._kept = 0

    def add(self, member: TarMember) -> None:
        if member.link is not None:
            self.links[member.name] = member.link
            return
        if member.name in self.sizes:
            raise ImageProblem(f"the archive has two members {member.name!r}; {_SAVE}")
        self.sizes[member.name] = member.size
        stream = member.stream()
        first = stream.peek(6)[:6]
        if is_compressed(first):  # an engine unpacks it: its size here says nothing
            self.within += unpacked_bytes(stream, first, member.name, member.size) - member.size
        elif (
            first[:1] in (b"{", b"[")
            and member.size <= _LARGEST_JSON
            and self._kept + member.size <= _JSON_TOGETHER
        ):
            self.texts[member.name] = stream.read(member.size)
            self._kept += member.size

    def resolve(self, name: str, what: str) -> str:
        """The regular member behind a name: older archives link layers that are shared."""
        name = posixpath.normpath(name)
        for _ in range(8):
            if name in self.sizes:
                return name
            if name not in self.links:
                break
            name = self.links[name]
        raise ImageProblem(f"the archive lacks its {what} {name!r}: it is cut short; {_SAVE}")

    def json(self, name: str, what: str) -> Any:
        name = self.resolve(name, what)
        try:
            return json.loads(self.texts[name])
        except KeyError as error:
            raise ImageProblem(
                f"the archive's {what} is {self.sizes[name]} bytes and no JSON; {_SAVE}"
            ) from error
        except (ValueError, RecursionError) as error:
            raise ImageProblem(f"the archive's {what} is no JSON: {error}; {_SAVE}") from error


def read_archive(path: Path) -> ArchivedImage:
    """Find the image in an archive: as Docker saves it before and since version 25, or OCI layout.

    Raises:
        ImageProblem: not an archive of exactly one image, damaged, or compressed in another way.
    """
    contents = _Contents()
    with open_members(path) as members:
        for member in members:
            contents.add(member)
        archive_sha256 = members.sha256()
    try:
        config, layers, tags = _manifest(contents)
        about = contents.json(config, "image configuration")
        refuse_excess(about.get("config") or {})
        return ArchivedImage(
            config=config,
            config_sha256=_sha256(contents.texts[config]),
            layers=tuple(contents.resolve(layer, "layer") for layer in layers),
            tags=tuple(tags),
            architecture=str(about.get("architecture", "")),
            system=str(about.get("os", "")),
            archive_sha256=archive_sha256,
            unpacked_bytes=sum(contents.sizes.values()) + contents.within,
        )
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise ImageProblem(
            f"the archive's manifest is not one that Docker writes; {_SAVE}"
        ) from error


def load_stream(path: Path, image: ArchivedImage) -> Iterator[bytes]:
    """The archive written anew for an engine's `load`: one untagged image, names of ours.

    Raises:
        ImageProblem: the archive is damaged, or has changed since.
    """
    names = {image.config: "config.json"}
    for layer in image.layers:
        names.setdefault(layer, f"layer-{len(names)}.tar")
    manifest = [
        {
            "Config": names[image.config],
            "RepoTags": None,
            "Layers": [names[layer] for layer in image.layers],
        }
    ]
    yield from _written("manifest.json", [json.dumps(manifest).encode()])
    missing = set(names)
    with open_members(path) as members:
        for member in members:
            if member.link is None and member.name in missing:
                missing.remove(member.name)
                yield _header(names[member.name], member.size)
                yield from member.chunks(_CHUNK)
                yield bytes(-member.size % tarfile.BLOCKSIZE)
    if missing:
        raise ImageProblem(f"{path} has changed while it was read; hand it in again")
    yield bytes(2 * tarfile.BLOCKSIZE)


def _written(name: str, chunks: list[bytes]) -> Iterator[bytes]:
    size = sum(map(len, chunks))
    yield _header(name, size)
    yield from chunks
    yield bytes(-size % tarfile.BLOCKSIZE)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)  # sizes over 8 GiB, which the oldest format can't say


def _manifest(contents: _Contents) -> tuple[str, list[str], list[str]]:
    """Names of the configuration and the layers, and the tags."""
    if "manifest.json" in contents.sizes:
        entries = contents.json("manifest.json", "manifest.json")
        tags = [str(tag) for entry in entries for tag in entry.get("RepoTags") or []]
        _exactly_one({entry["Config"] for entry in entries}, tags)
        return contents.resolve(entries[0]["Config"], "configuration"), entries[0]["Layers"], tags
    if "index.json" in contents.sizes:
        return _oci_manifest(contents)
    seen = ", ".join(repr(name) for name in sorted(contents.sizes)[:3]) or "nothing"
    raise ImageProblem(
        f"no image in the archive: no manifest.json among {len(contents.sizes)} files ({seen} "
        f"...); `docker export` does not keep the image; {_SAVE}"
    )


def _oci_manifest(contents: _Contents) -> tuple[str, list[str], list[str]]:
    """As above, from the OCI layout alone: what other tools than Docker save."""
    entries = contents.json("index.json", "index.json")["manifests"]
    for _ in range(4):  # an index may hold an index, one for each platform
        images = [
            entry
            for entry in entries
            if entry.get("annotations", {}).get("vnd.docker.reference.type")
            != "attestation-manifest"
        ]
        annotations = (entry.get("annotations", {}) for entry in images)
        tags = [
            str(a["org.opencontainers.image.ref.name"])
            for a in annotations
            if a.get("org.opencontainers.image.ref.name")
        ]
        _exactly_one({entry["digest"] for entry in images}, tags)
        document = contents.json(_blob(images[0]), "image manifest")
        if "config" in document:
            layers = [_blob(layer) for layer in document["layers"]]
            return contents.resolve(_blob(document["config"]), "configuration"), layers, tags
        entries = document["manifests"]
    raise ImageProblem(f"the archive's index.json leads to no image; {_SAVE}")


def _exactly_one(images: set[str], tags: list[str]) -> None:
    if not images:
        raise ImageProblem(f"the archive's manifest lists no image; {_SAVE}")
    if len(images) > 1:
        names = ", ".join(tags[:8]) or "without names"
        raise ImageProblem(
            f"{len(images)} images in the archive ({names}), one is expected; "
            "save only the one to be judged, for one platform"
        )


def _blob(descriptor: dict[str, str]) -> str:
    algorithm, _, digest = descriptor["digest"].partition(":")
    return f"blobs/{algorithm}/{digest}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
