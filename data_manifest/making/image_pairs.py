"""Which image goes with which reference: from a CSV, or from two folders by file name."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from data_manifest.errors import ManifestError, TableError
from data_manifest.findings import Finding, Severity, Tell, listed, untold
from data_manifest.foreign_tables import ForeignTable, read_foreign_table
from data_manifest.making.volume_images import SUFFIXES, stem_of
from data_manifest.manifest import MODALITIES
from data_manifest.naming import canonical_modality
from data_manifest.table_names import quoted

Origin = Literal["real", "simulated"]

_NEEDED = ("image", "reference", "modality")
_OPTIONAL = ("id", "labels", "source", "licence", "origin", "group", "fold")
_BESIDE = (".raw", ".zraw")
"""Data of an `.mhd`."""
_CHANNEL = re.compile(r"_[0-9]{4}$")  # FLARE and nnU-Net name a case's first channel CASE_0000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An image and its reference, as files.

    Attributes:
        image: file, or folder of a DICOM series.
        reference: file, or folder of a DICOM series.
        modality: canonical name.
        identifier: of the case; None: `{2D|3D}Box_MODALITY_NAME`, after the image's file name.
        label_names: what the reference's values stand for.
        source: where both come from.
        licence: of the image.
        origin: `real` or `simulated`.
        group: what the case shares with others, such as its patient.
        fold: the part of the data that it belongs to.
    """

    image: Path
    reference: Path
    modality: str
    identifier: str | None = None
    label_names: Mapping[int, str] = field(default_factory=dict)
    source: str = "not stated"
    licence: str = "not stated"
    origin: Origin = "real"
    group: str = ""
    fold: str = ""

    @property
    def name(self) -> str:
        """The image's name without format and channel."""
        return _CHANNEL.sub("", stem_of(self.image))


def parse_label_names(text: str) -> dict[int, str]:
    """Read `1=liver;2=spleen`.

    Raises:
        ValueError: with what was found, if it is not of that form.

    >>> parse_label_names("1=liver; 2=left kidney")
    {1: 'liver', 2: 'left kidney'}
    """
    names: dict[int, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        number, equals, name = (piece.strip() for piece in part.partition("="))
        if not (equals and name and re.fullmatch(r"[1-9][0-9]{0,8}", number)):
            raise ValueError(f"labels {part!r}")
        if int(number) in names:
            raise ValueError(f"label {number} twice")
        names[int(number)] = name
    return names


def pairs_from_csv(path: Path, *, tell: Tell = untold) -> list[Pair]:
    """Read the pairs of a CSV file, as `read_foreign_table` reads it.

    Its columns are image, reference and modality, and, as far as they are wanted, id, labels
    (`1=liver;2=spleen`), source, licence, origin (`real` or `simulated`), group (such as the
    patient) and fold. Paths are relative to the CSV's folder.

    Args:
        path: of the file.
        tell: takes what was assumed of its encoding.

    Raises:
        ManifestError: every problem of every row.
    """
    try:
        table = read_foreign_table(path, needed=_NEEDED)
        columns = _columns(table)
    except TableError as error:
        raise ManifestError(*error.problems) from error
    for note in table.notes:
        tell(Finding(where=str(path), found=note, severity=Severity.WARNING))
    pairs: list[Pair] = []
    problems: list[Finding] = []
    for row in table.rows:
        cells = {name: table.text(row, index) for name, index in columns.items()}
        for name in ("image", "reference"):  # as written: a name's form of Unicode is its own
            cells[name] = row.cells[columns[name]].strip()
        pair = _parse_row(cells, f"{path}, line {row.line}", problems)
        if pair is not None:
            pairs.append(_below(path.parent, pair))
    if not table.rows:
        problems.append(
            Finding(
                where=str(path), found="no rows", expected="one row a case", mend="add one a case"
            )
        )
    problems += _missing_files(pairs, path)
    problems += _twice(pairs, path)
    if problems:
        raise ManifestError(*problems)
    return pairs


def _columns(table: ForeignTable) -> dict[str, int]:
    """Where each column is."""
    needed = dict(zip(_NEEDED, table.need(*_NEEDED), strict=True))
    others = {name: index for name in _OPTIONAL if (index := table.find(name)) is not None}
    columns = needed | others
    unknown = [
        quoted(name)
        for index, name in enumerate(table.columns)
        if name and index not in columns.values()
    ]
    if unknown:
        raise TableError(
            where=f"{table.path}, line 1",
            found=f"column {listed(unknown)}",
            expected=f"columns {', '.join(_NEEDED)}; optional {', '.join(_OPTIONAL)}",
            mend="rename or remove it",
        )
    return columns


def _parse_row(row: dict[str, str], where: str, problems: list[Finding]) -> Pair | None:
    def wrong(found: str, expected: str) -> None:
        problems.append(Finding(where=where, found=found, expected=expected))

    before = len(problems)
    for column in ("image", "reference"):
        if not row[column]:
            wrong(f"no {column}", "a path")
    modality = canonical_modality(row["modality"])
    if modality is None:
        wrong(f"modality {row['modality']!r}", f"one of {', '.join(MODALITIES)}")
    origin = row.get("origin") or "real"
    if origin not in get_args(Origin):
        wrong(f"origin {origin!r}", "`real` or `simulated`")
    names: dict[int, str] = {}
    try:
        names = parse_label_names(row.get("labels", ""))
    except ValueError as error:
        wrong(str(error), "`1=liver;2=spleen`")
    if len(problems) > before or modality is None:
        return None
    return Pair(
        image=Path(row["image"]),
        reference=Path(row["reference"]),
        modality=modality,
        identifier=row.get("id") or None,
        label_names=names,
        source=row.get("source") or "not stated",
        licence=row.get("licence") or "not stated",
        origin="simulated" if origin == "simulated" else "real",
        group=row.get("group", ""),
        fold=row.get("fold", ""),
    )


def _below(folder: Path, pair: Pair) -> Pair:
    return replace(
        pair, image=_existing(folder, pair.image), reference=_existing(folder, pair.reference)
    )


def _existing(folder: Path, name: Path) -> Path:
    """A file of this name, whichever form of Unicode its disk and the table have."""
    forms = (name, *(Path(unicodedata.normalize(form, str(name))) for form in ("NFC", "NFD")))
    return next((folder / form for form in forms if (folder / form).exists()), folder / name)


def _missing_files(pairs: Iterable[Pair], path: Path) -> list[Finding]:
    files = (file for pair in pairs for file in (pair.image, pair.reference))
    mend = f"paths in {path.name} are relative to its folder"
    return [
        Finding(where=str(file), found="no such file or folder", expected="an image", mend=mend)
        for file in files
        if not file.exists()
    ]


def _twice(pairs: Iterable[Pair], path: Path) -> list[Finding]:
    """Pairs that would be two cases and are one; two readers of an image are none."""
    files = Counter((pair.image.resolve(), pair.reference.resolve()) for pair in pairs)
    return [
        Finding(
            where=str(path),
            found=f"{image.name} with {reference.name} in {count} rows",
            expected="one row a case: another would count twice",
            mend="leave one of them",
        )
        for (image, reference), count in files.items()
        if count > 1
    ]


def pairs_from_folders(
    images: Path, references: Path, *, modality: str, tell: Tell = untold
) -> list[Pair]:
    """Pair the files (or DICOM folders) of two folders by name, without the formats' endings.

    `CASE_0000.nii.gz` goes with `CASE.nii.gz`, as in FLARE. What has no ending of a format is left
    out, and told.

    Raises:
        ManifestError: every file without a partner, and every name that occurs twice.
    """
    canonical = canonical_modality(modality)
    problems: list[Finding] = []
    if canonical is None:
        expected = f"one of {', '.join(MODALITIES)}"
        problems.append(Finding(where="--modality", found=repr(modality), expected=expected))
    by_stem = [_by_stem(folder, problems, tell) for folder in (images, references)]
    if problems or canonical is None:
        raise ManifestError(*problems)
    by_image, by_reference = by_stem
    # The channel is cut off only where the whole name has no partner: a name may end in a year.
    partner = {stem: stem if stem in by_reference else _CHANNEL.sub("", stem) for stem in by_image}
    mend = f"pairs are found by name: give it a partner in {references}"
    for stem, file in by_image.items():
        if partner[stem] not in by_reference:
            problems.append(
                Finding(where=str(file), found="an image without a reference", mend=mend)
            )
    taken = Counter(partner.values())
    for stem, file in by_reference.items():
        if taken[stem] != 1:
            what = f"a reference of {taken[stem]} images" if taken[stem] else "no image of its name"
            problems.append(Finding(where=str(file), found=what, expected=f"one in {images}"))
    if problems:
        raise ManifestError(*problems)
    return [
        Pair(image=file, reference=by_reference[partner[stem]], modality=canonical)
        for stem, file in sorted(by_image.items())
    ]


def _by_stem(folder: Path, problems: list[Finding], tell: Tell) -> dict[str, Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        where, fault = str(folder), f"can't be listed: {error.strerror}"
        problems.append(Finding(where=where, found=fault, expected="a folder of images"))
        return {}
    files: dict[str, Path] = {}
    others: list[str] = []
    for entry in entries:
        known = entry.is_dir() or entry.name.lower().endswith(SUFFIXES)
        if entry.name.startswith("."):
            continue
        if not known:
            if not entry.name.lower().endswith(_BESIDE):
                others.append(quoted(entry.name))
            continue
        stem = unicodedata.normalize("NFC", stem_of(entry))
        if stem in files:
            names = f"{quoted(files[stem].name)} and {quoted(entry.name)}"
            fault, expected = f"a name twice: {names}", "one file of each name, in any format"
            problems.append(Finding(where=str(entry), found=fault, expected=expected))
        files[stem] = entry
    if not files:
        problems.append(Finding(where=str(folder), found="no images", expected="images"))
    if others:
        fault = f"{len(others)} files of other formats are left out: {listed(others, most=3)}"
        tell(Finding(where=str(folder), found=fault, severity=Severity.WARNING))
    return files
