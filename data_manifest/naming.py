"""What a challenge's file name says: `{2D|3D}Box_MODALITY_ID` to dimension and modality.

By token, not by substring: `OCT` contains `CT`.
"""

import re
from dataclasses import dataclass
from typing import Literal

from data_manifest.layouts.formats import stem_of

UNKNOWN = "unknown"
"""The modality of a name that does not tell it."""

_SPELLINGS = {
    "ct": "CT",
    "cxr": "X-Ray",
    "dermoscope": "Dermoscopy",
    "dermoscopy": "Dermoscopy",
    "endoscope": "Endoscopy",
    "endoscopy": "Endoscopy",
    "fundus": "Fundus",
    "microscope": "Microscopy",
    "microscopy": "Microscopy",
    "mr": "MR",
    "mri": "MR",
    "oct": "OCT",
    "pet": "PET",
    "ultrasound": "Ultrasound",
    "us": "Ultrasound",
    "xr": "X-Ray",
    "xray": "X-Ray",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseName:
    """What a case's name says.

    Attributes:
        identifier: the name without its format.
        dimension: `3D` where the name starts so, else `2D`.
        modality: canonical name of `data_manifest.manifest.MODALITIES`, or `UNKNOWN`.
    """

    identifier: str
    dimension: Literal["2D", "3D"]
    modality: str

    @property
    def recognised(self) -> bool:
        """Whether the modality is known; where it is not, the caller should warn."""
        return self.modality != UNKNOWN


def canonical_modality(spelling: str) -> str | None:
    """The canonical name of a modality, or None for a word that names none.

    >>> canonical_modality("CXR"), canonical_modality("Mammo"), canonical_modality("octopus")
    ('X-Ray', 'Mammography', None)
    """
    word = re.sub(r"[^a-z0-9]", "", spelling.casefold())
    if word.startswith("mamm"):
        return "Mammography"
    return _SPELLINGS.get(word)


def parse_case_name(name: str) -> CaseName:
    """Read the dimension and the modality out of a case's file name.

    Args:
        name: of the file, with or without its format.

    Returns:
        The leftmost token that names a modality decides.

    >>> parse_case_name("3DBox_PET_0001")
    CaseName(identifier='3DBox_PET_0001', dimension='3D', modality='PET')
    >>> parse_case_name("2DBox_OCTA-CT_7").modality
    'CT'
    """
    identifier = stem_of(name)
    # `X-Ray` is one word, although a hyphen parts words elsewhere.
    text = re.sub(r"(?i)(?<![a-z])x[-_ ]ray(?![a-z])", "xray", identifier)
    tokens = re.split(r"[^A-Za-z0-9]+", text)
    known = (modality for token in tokens if (modality := canonical_modality(token)))
    return CaseName(
        identifier=identifier,
        dimension="3D" if identifier[:2].upper() == "3D" else "2D",
        modality=next(known, UNKNOWN),
    )
