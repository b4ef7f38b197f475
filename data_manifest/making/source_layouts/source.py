"""What a folder in somebody's layout holds: cases as files, and what is none of them, and why."""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from data_manifest.errors import ManifestError
from data_manifest.findings import Finding, Severity
from data_manifest.making.volume_images import SUFFIXES, stem_of
from data_manifest.naming import canonical_modality

_LARGEST_JSON = 64 << 20
_OF_MR = re.compile(r"t1|t2|flair|adc|dwi|swi|pdw?$|mr", re.IGNORECASE)
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCase:
    """One case's files where they lie.

    Attributes:
        identifier: of the case.
        images: a file a channel, in their order; or one file that holds them all.
        reference: of the label map.
        channels: the images' names; empty where a single image has none.
        modality: canonical name; empty where nothing tells it.
        label_names: what the reference's values stand for.
        group: what the case shares with others, such as its patient.
        fold: the part of the data that it belongs to.
        licence: of the data.
        values: JSON files that a container may get, by name.
    """

    identifier: str
    images: tuple[Path, ...]
    reference: Path
    channels: tuple[str, ...] = ()
    modality: str = ""
    label_names: Mapping[int, str] = field(default_factory=dict)
    group: str = ""
    fold: str = ""
    licence: str = "not stated"
    values: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A folder's cases.

    Attributes:
        cases: that are whole, sorted.
        findings: files that make no case: a problem where one is missing or could be meant in two
            ways, a note where it is left over by intent.
        regions: names of sets of labels, which a protocol's `scoring.regions` can have.
    """

    cases: tuple[SourceCase, ...]
    findings: tuple[Finding, ...] = ()
    regions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def problem(where: Path | str, fault: str, expected: str, mend: str = "") -> Finding:
    """A file that is missing, or could be meant in two ways."""
    return Finding(where=str(where), found=fault, expected=expected, mend=mend)


def left_over(where: Path, why: str) -> Finding:
    """A file that is of no case, which is no fault."""
    return Finding(where=str(where), found=why, severity=Severity.NOTE)


def read_json(path: Path, kind: type[_Read], what: str) -> _Read:
    """A layout's own JSON file.

    Raises:
        ManifestError: it is not there, or not what it should be.
    """
    try:
        with path.open("rb") as stream:
            return msgspec.json.decode(stream.read(_LARGEST_JSON), type=kind, strict=False)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        fault = getattr(error, "strerror", None) or str(error)
        raise ManifestError(problem(path, f"can't be read: {fault}", what)) from error


def files_below(folder: Path) -> Iterator[Path]:
    """Files at any depth, in a fixed order, without hidden ones and what macOS leaves."""
    for top, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        yield from (Path(top, name) for name in sorted(names) if not name.startswith("."))


def by_stem(files: Iterable[Path], findings: list[Finding]) -> dict[str, Path]:
    """Images by name without format; names that occur twice are told, other files left over."""
    files_by_stem: dict[str, Path] = {}
    for file in files:
        if not file.name.lower().endswith(SUFFIXES):
            findings.append(left_over(file, "no image of a format that is read"))
            continue
        stem = unicodedata.normalize("NFC", stem_of(file))
        if stem in files_by_stem:
            expected = f"one; {files_by_stem[stem].name} is there too"
            findings.append(problem(file, "a second file of this name", expected))
        files_by_stem.setdefault(stem, file)
    return files_by_stem


def modality_of(channels: Iterable[str]) -> str:
    """The modality that channels' names tell, several joined as in `PET-CT`; empty if one does not.

    >>> modality_of(["T1w", "FLAIR"]), modality_of(["PET", "CT"]), modality_of(["noNorm"])
    ('MR', 'PET-CT', '')
    """
    told = [canonical_modality(name) or ("MR" if _OF_MR.match(name) else "") for name in channels]
    return "-".join(dict.fromkeys(told)) if all(told) else ""
