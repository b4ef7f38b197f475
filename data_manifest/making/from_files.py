"""From a pair of files to a case in memory, with what was converted on the way told by file."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from data_manifest.demo.records import RawCase
from data_manifest.errors import CaseFileError
from data_manifest.findings import Finding, Severity, Tell
from data_manifest.making.geometry import Volume
from data_manifest.making.image_pairs import Pair
from data_manifest.making.volume_images import read_pair
from data_manifest.manifest import Label
from data_manifest.naming import parse_case_name
from data_manifest.table_names import quoted

_MOST_LABELS = 65535


def consecutive(
    labels: npt.NDArray[np.integer], names: Mapping[int, str] | None = None
) -> tuple[npt.NDArray[np.unsignedinteger], tuple[Label, ...]]:
    """Number the labels that occur 1..N, in their order, and keep their names.

    Args:
        labels: integer, any shape, 0 is background.
        names: what the labels of `labels` stand for; the others are called `label K`, by their
            number before.

    Returns:
        The label map, uint8, or uint16 where there are more than 255 labels; and its labels.

    Raises:
        ValueError: a label below 0, or more than 65,535 labels.

    >>> consecutive(np.array([0, 7, 3, 3]), {7: "liver"})[1]
    (Label(label=1, name='label 3'), Label(label=2, name='liver'))
    """
    values = np.unique(labels)
    if values.size and values[0] < 0:
        raise ValueError(f"label {values[0]}; labels are 0 (background) and above")
    values = values[values > 0]
    if values.size > _MOST_LABELS:
        raise ValueError(f"{values.size} labels; at most {_MOST_LABELS} can be told apart")
    dtype = np.uint8 if values.size <= 255 else np.uint16
    numbered = np.zeros(labels.shape, dtype=dtype)
    for index in np.ndindex(labels.shape[:-2]):  # slice by slice: `searchsorted` gives int64
        plane = labels[index]
        inside = plane > 0
        numbered[index][inside] = np.searchsorted(values, plane[inside]) + 1
    names = names or {}
    listed = tuple(
        Label(label=number, name=names.get(int(old), f"label {old}"))
        for number, old in enumerate(values, start=1)
    )
    return numbered, listed


def raw_cases(
    pairs: Sequence[Pair], *, window: tuple[float, float] | None, tell: Tell
) -> Iterator[RawCase | CaseFileError]:
    """Read pairs, one after the other; what is wrong with one is an error in its place.

    Args:
        pairs: of files.
        window: level and width in HU for the CT images.
        tell: takes the notes.
    """
    taken: dict[str, Pair] = {}
    for pair in pairs:
        try:
            image, reference = read_pair(pair.image, pair.reference, named=pair.label_names)
            raw = _raw_case(pair, image, reference, window)
            other = taken.setdefault(raw.identifier.casefold(), pair)
            if other is not pair:
                raise CaseFileError(_same_name(pair, other, raw.identifier))
        except CaseFileError as error:
            yield error
            continue
        for file, volume in ((pair.image, image), (pair.reference, reference)):
            for note in volume.notes:
                tell(Finding(where=str(file), found=note, severity=Severity.WARNING))
        yield raw


def _same_name(pair: Pair, other: Pair, identifier: str) -> Finding:
    files = f"{quoted(other.image.name)} and {quoted(pair.image.name)}"
    return Finding(
        where=str(pair.image),
        found=f"an identifier twice (capitals do not count): {files} both become {identifier}",
        expected="one for each case",
        mend="name them in the pairs' column `id`, or rename a file",
    )


def _raw_case(
    pair: Pair, image: Volume, reference: Volume, window: tuple[float, float] | None
) -> RawCase:
    problem = None
    try:
        labels, listed = consecutive(
            cast("npt.NDArray[np.integer]", reference.array), pair.label_names
        )
        if not listed:
            problem = Finding(
                where=str(pair.reference),
                found="no label above 0",
                expected="an object: a case without one has nothing to prompt for",
                mend="leave the pair out",
            )
    except ValueError as error:
        problem = Finding(
            where=str(pair.reference),
            found=str(error),
            expected="labels that can be told apart",
            mend="number them anew",
        )
    if problem is not None:
        raise CaseFileError(problem)
    return RawCase(
        identifier=pair.identifier or identifier_of(pair, labels.ndim),
        modality=pair.modality,
        image=image.array,
        labels=labels,
        label_names=tuple(label.name for label in listed),
        spacing_mm=image.spacing_mm or reference.spacing_mm,
        origin=pair.origin,
        source=pair.source,
        licence=pair.licence,
        window=window if pair.modality == "CT" else None,
        file=str(pair.image),
    )


def identifier_of(pair: Pair, axes: int) -> str:
    """`{2D|3D}Box_MODALITY_NAME`; a file that is named so already keeps its name.

    Letters of other alphabets become their numbers in Unicode, so that two names stay two.
    """
    accents = "".join(c for c in unicodedata.normalize("NFKD", pair.name) if not _is_accent(c))
    plain = "".join(c if c.isascii() else f"u{ord(c):04x}" for c in accents)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    named = parse_case_name(name)
    if name.startswith(f"{axes}D") and named.modality == pair.modality:
        return name
    return f"{axes}DBox_{pair.modality}_{name}"


def _is_accent(character: str) -> bool:
    return "\u0300" <= character <= "\u036f"
