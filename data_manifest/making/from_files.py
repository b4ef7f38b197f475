"""From a pair of files to a case in memory, with what was converted on the way told by file."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from data_manifest.demo.records import RawCase
from data_manifest.errors import CaseFileError
from data_manifest.findings import Finding, Severity, Tell
from data_manifest.making.geometry import Volume
from data_manifest.making.image_pairs import Pair
from data_manifest.making.numbering import consecutive
from data_manifest.making.volume_images import read_pair
from data_manifest.naming import parse_case_name
from data_manifest.table_names import quoted


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
