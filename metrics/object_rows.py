"""One row for each object of a label or region: what a table of lesions lists."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from metrics.detection import Detected
from metrics.distances import measure_distances


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRow:
    """One object of the reference, or one that only the prediction has.

    Attributes:
        side: whose object it is.
        number: among the objects of that side, from 1.
        volume_ml: nan in 2D.
        outcome: `found` or `missed`; `ignored`, of a lesion too small to count; `false`, of a
            predicted object that is none of the reference's.
        partners: the predicted objects that it was matched with, or under a rule without pairs
            those that it shares voxels with.
        dsc: against all partners; 0 without any.
        hd95_mm: to all partners, directed and by areas; infinite without any.
    """

    side: Literal["reference", "prediction"]
    number: int
    volume_ml: float
    outcome: Literal["found", "missed", "ignored", "false"]
    partners: tuple[int, ...]
    dsc: float
    hd95_mm: float


def object_rows(detected: Detected, *, spacing_mm: tuple[float, ...]) -> Iterator[ObjectRow]:
    """The reference's objects by their numbers, then the false ones.

    Args:
        detected: objects, and which of them were found.
        spacing_mm: in the axis order of the maps.
    """
    objects = detected.objects
    voxel_ml = math.prod(spacing_mm) / 1000 if len(spacing_mm) == 3 else math.nan
    partners = _partners(detected)
    ignored = {
        lesion.number
        for lesion in (detected.lesions.lesions if detected.lesions else ())
        if not lesion.is_kept
    }
    for number in objects.reference_objects.tolist():
        own = partners.get(number, ())
        is_found = number in detected.detection.hit
        dsc, hd95_mm = 0.0, math.inf
        if own:
            dsc = objects.dsc([number], own)
            distances = measure_distances(*objects.masks([number], own), spacing_mm=spacing_mm)
            hd95_mm = distances.percentile(95.0, "directed")
        yield ObjectRow(
            side="reference",
            number=number,
            volume_ml=objects.reference.size(number) * voxel_ml,
            outcome="ignored" if number in ignored else "found" if is_found else "missed",
            partners=own,
            dsc=dsc,
            hd95_mm=hd95_mm,
        )
    for number in sorted(detected.detection.false):
        yield ObjectRow(
            side="prediction",
            number=number,
            volume_ml=objects.prediction.size(number) * voxel_ml,
            outcome="false",
            partners=(),
            dsc=0.0,
            hd95_mm=math.inf,
        )


def _partners(detected: Detected) -> dict[int, tuple[int, ...]]:
    """By the reference's objects."""
    if detected.lesions:
        return {lesion.number: lesion.owned for lesion in detected.lesions.lesions}
    if detected.detection.pairs:
        return {number: made for numbers, made in detected.detection.pairs for number in numbers}
    partners: dict[int, tuple[int, ...]] = {}
    for number, made in zip(*(a.tolist() for a in detected.objects.overlaps[:2]), strict=True):
        partners[number] = (*partners.get(number, ()), made)
    return partners
