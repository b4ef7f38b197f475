"""A demo case in memory, before it becomes the challenge's files, and how a maker of one looks."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


class DemoPackageMissing(RuntimeError):  # noqa: N818  (says what happened, as the others do)
    """A package that ships an image of the demo data is absent, or ships another image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCase:
    """One image with its reference, in the intensities that the scanner or camera gives.

    Attributes:
        identifier: `{2D|3D}Box_MODALITY_ID`, the challenge's naming; letters, digits, `_`, `-`.
        modality: canonical: CT MR PET Ultrasound X-Ray Dermoscopy Endoscopy Fundus Microscopy OCT
            Mammography.
        image: 2D: (H, W) or (H, W, 3); 3D: (D, H, W); any real dtype, raw intensities (HU for CT,
            SUV for PET) or uint8.
        labels: (H, W) or (D, H, W), uint8 or uint16, 0 background, objects 1..N without a gap.
        label_names: the name of label 1..N.
        spacing_mm: in the array's axis order; None if unknown (photographs).
        origin: "real" or "simulated".
        source: which package ships the image and what it shows, or how it was simulated; and how
            the reference mask was made.
        licence: of the image.
        window: the CT window as (level, width) in HU; None for other modalities.
        file: of the image, for messages; empty for what was never one.
    """

    identifier: str
    modality: str
    image: npt.NDArray[np.generic]
    labels: npt.NDArray[np.unsignedinteger]
    label_names: tuple[str, ...]
    spacing_mm: tuple[float, ...] | None
    origin: str
    source: str
    licence: str
    window: tuple[float, float] | None = None
    file: str = ""


Picture = tuple[npt.NDArray[np.generic], npt.NDArray[np.unsignedinteger]]
"""What a maker of a demo case returns: image and labels, as `RawCase` has them."""
