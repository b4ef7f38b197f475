"""The manifest: which cases there are, what they hold, and the SHA-256 of every file.

A JSON file beside two folders, `inputs/` and `references/`, so that inputs can be mounted alone.
"""

import codecs
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import msgspec

from data_manifest.errors import Finding, ManifestError
from data_manifest.prompts import KINDS

MODALITIES = (
    "CT",
    "Dermoscopy",
    "Endoscopy",
    "Fundus",
    "MR",
    "Mammography",
    "Microscopy",
    "OCT",
    "PET",
    "Ultrasound",
    "X-Ray",
)
"""The modalities' canonical names; a manifest may use others."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$"
"""What identifiers look like; they become file names, container names and table cells."""

_Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
_Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
_Size = Annotated[int, msgspec.Meta(ge=1)]
_Row = tuple[float, float, float]
_Millimetres = Annotated[float, msgspec.Meta(gt=0)]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the manifest: frozen, and an unknown key is an error."""


class FileEntry(_Strict, frozen=True, kw_only=True):
    """A file by its path, relative to the manifest's folder, and its SHA-256 in hex."""

    path: str
    sha256: _Sha256


class NamedFile(FileEntry, frozen=True, kw_only=True):
    """A file with the name of what it holds, such as `clinical-information`."""

    name: _Name


class Label(_Strict, frozen=True, kw_only=True):
    """A label of the reference (its integer) and what it stands for."""

    label: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    name: str


class Case(_Strict, frozen=True, kw_only=True, omit_defaults=True):
    """One case.

    Attributes:
        id: the case's identifier.
        modality: canonical name, see `MODALITIES`.
        dimension: `2D` or `3D`.
        shape: of the label map: (H, W) or (D, H, W).
        spacing_mm: in the array's axis order, (y, x) or (z, y, x); None where it is not known.
        labels: what the reference holds.
        prompts: which kinds of prompts the inputs hold, names of `prompts.KINDS`.
        image: the inputs file, which a container sees; of several the first channel.
        reference: the reference file, which it never sees.
        source: where the image and the reference come from, in words.
        licence: of the image.
        origin: whether the image was taken of something, or simulated.
        further_images: the files of the other channels, in their order.
        channels: their names, the first one's too; of one file with several, all of them.
        group: what the case shares with others, such as its patient; empty where nothing tells.
        fold: the part of the data that it belongs to; empty where nothing tells.
        changes: what was changed of its files when they were taken over, in words.
        values: further JSON files that a container may get, by name.
        directions: of a volume whose file tells them, where its axes x, y and z point, to the
            right, to the front, up: a row for each of these three, of length 1; else None.
    """

    id: _Name
    modality: _Name
    dimension: Literal["2D", "3D"]
    shape: tuple[_Size, ...]
    spacing_mm: tuple[_Millimetres, ...] | None
    labels: tuple[Label, ...]
    prompts: tuple[str, ...]
    image: FileEntry
    reference: FileEntry
    source: str
    licence: str
    origin: Literal["real", "simulated"]
    further_images: tuple[FileEntry, ...] = ()
    channels: tuple[str, ...] = ()
    group: str = ""
    fold: str = ""
    changes: tuple[str, ...] = ()
    directions: tuple[_Row, _Row, _Row] | None = None
    values: tuple[NamedFile, ...] = ()

    @property
    def images(self) -> tuple[FileEntry, ...]:
        """What a container sees, a file a channel; or one file with all of them."""
        return (self.image, *self.further_images)

    @property
    def inputs(self) -> tuple[FileEntry, ...]:
        """All that a container may see: images and values."""
        return (*self.images, *self.values)

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """All of its files."""
        return (*self.inputs, self.reference)

    @property
    def inputs_sha256(self) -> str:
        """Of what a container may see, in hex: the only file's, or that of all in their order."""
        if len(self.inputs) == 1:
            return self.image.sha256
        return hashlib.sha256("".join(e.sha256 for e in self.inputs).encode()).hexdigest()

    def value_of(self, name: str) -> NamedFile | None:
        """The file of a value; None if it has none of that name."""
        return next((value for value in self.values if value.name == name), None)

    def image_of(self, channel: int | str) -> FileEntry:
        """The file of one channel, by its number from 0 or its name.

        Raises:
            LookupError: it has none of its own.
        """
        if isinstance(channel, str):
            names = [name.casefold() for name in self.channels]
            if channel.casefold() not in names:
                raise LookupError(channel)
            channel = names.index(channel.casefold())
        return self.images[channel]


class Preparation(_Strict, frozen=True, kw_only=True):
    """How the cases were made from their sources.

    Attributes:
        seed: of the prompts' jitter, and of simulated cases.
        margin: pixels that every prompt is wider than its object, on every side.
        jitter: most random pixels that are added to that.
        small_objects_removed: whether pieces too small to be judged were taken from the reference.
        cropped: whether volumes were cut to the slices with an object.
        recipe: SHA-256 of the code and the versions of the libraries that made the cases.
    """

    seed: Annotated[int, msgspec.Meta(ge=0)]
    margin: Annotated[int, msgspec.Meta(ge=0)]
    jitter: Annotated[int, msgspec.Meta(ge=0)]
    small_objects_removed: bool = False
    cropped: bool = False
    recipe: _Sha256


class Manifest(_Strict, frozen=True, kw_only=True):
    """All cases of a data set, sorted by identifier."""

    schema: Literal[1]
    name: str
    cases: tuple[Case, ...]
    preparation: Preparation | None = None

    def digest(self) -> str:
        """SHA-256 of what is judged, in hex: the cases, and through the files' hashes all data.

        How they were made is left out: the same data are the same data.
        """
        content = (self.schema, self.name, self.cases)
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def load_manifest(path: Path) -> Manifest:
    """Read and check a manifest whole (the files that it names are `verify`'s business).

    Raises:
        ManifestError: unreadable, not of this schema, or inconsistent; every problem is in it.
    """
    try:
        data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
        manifest = msgspec.json.decode(data, type=Manifest)
        json.loads(data, object_pairs_hook=_once)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise ManifestError(
            where=str(path),
            found=f"can't be read as a manifest: {error}",
            expected="a JSON file of manifest schema 1",
            mend="`segjudge manifest build` makes one",
        ) from error
    problems = [
        Finding(where=f"{path}: {where}", found=fault, expected=expected)
        for where, fault, expected in _inconsistencies(manifest)
    ]
    if problems:
        raise ManifestError(*problems)
    return manifest


def _once(pairs: list[tuple[str, object]]) -> None:
    """Refuse a key that is there twice: readers take one or the other."""
    for key, count in Counter(key for key, _ in pairs).items():
        if count > 1:
            raise ValueError(f"the key `{key}` {count} times in one object")


def _inconsistencies(manifest: Manifest) -> list[tuple[str, str, str]]:
    faults: list[tuple[str, str, str]] = []
    identifiers = [case.id for case in manifest.cases]
    if not identifiers:
        faults.append(("cases", "none", "at least one case"))
    if sorted(set(identifiers)) != identifiers:
        faults.append(("cases", "not sorted, or an id twice", "unique ids in sorted order"))
    for folded, count in Counter(map(str.casefold, set(identifiers))).items():
        if count > 1:
            alike = [name for name in identifiers if name.casefold() == folded]
            faults.append(("cases", ", ".join(alike), "ids that differ by more than capitals"))
    for case in manifest.cases:
        faults += [(case.id, *fact) for fact in _inconsistencies_of(case)]
    paths = Counter(entry.path for case in manifest.cases for entry in case.files)
    faults += [
        (path, f"named {n} times", "a file of its own") for path, n in paths.items() if n > 1
    ]
    # A container that is given a folder of inputs must not find a reference in it.
    references = {PurePosixPath(case.reference.path) for case in manifest.cases}
    images = (PurePosixPath(entry.path) for case in manifest.cases for entry in case.inputs)
    for folder in sorted({image.parent for image in images}):
        if any(reference.is_relative_to(folder) for reference in references):
            faults.append((f"{folder}/", "inputs and references", "folders of their own for both"))
    return faults


def _inconsistencies_of(case: Case) -> Iterator[tuple[str, str]]:
    axes = int(case.dimension[0])
    if len(case.shape) != axes:
        yield f"shape {case.shape}", f"{axes} axes"
    if case.spacing_mm is not None and len(case.spacing_mm) != axes:
        yield f"spacing_mm {case.spacing_mm}", f"{axes} values"
    if case.dimension == "3D" and case.spacing_mm is None:
        yield "no spacing_mm", "the spacing of a 3D case"
    labels: list[object] = [label.label for label in case.labels]
    for what, given in (("labels", labels), ("values", [value.name for value in case.values])):
        if sorted(set(given)) != given:  # type: ignore[type-var]  # all of one type
            yield f"{what} {given}", f"unique {what} in rising order"
    names = [name.casefold() for name in case.channels]
    if len(set(names)) < len(names) or len(case.images) not in (1, len(names)):
        yield f"channels {list(case.channels)} of {len(case.images)} images", "a name for each"
    for kind in sorted({*case.prompts} - {*KINDS}):
        yield f"prompts {kind!r}", f"one of {', '.join(KINDS)}"
    for entry in case.files:
        if not _is_inside(entry.path):
            yield f"path {entry.path!r}", "a relative path inside the manifest's folder"


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    plain = "\\" not in path and "\0" not in path
    return plain and bool(parts) and not path.startswith("/") and ".." not in parts


def save_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest as readable JSON, atomically."""
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as stream:
        stream.write(data + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
