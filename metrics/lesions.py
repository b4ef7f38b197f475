"""Each lesion of the reference scored on its own: lesion-wise means with penalties.

The rules are those of the BraTS 2023 challenges (rachitsaluja/BraTS-2023-Metrics), whose script
dilates the whole volume once for each lesion. Here all of it is read from one histogram: the parts
of a dilated mask are its lesions' dilations, since lesions whose dilations touch are one lesion.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from metrics.arguments import Mask
from metrics.matching import Detection
from metrics.objects import ObjectPairs
from metrics.spans import Spans, pair_counts


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionRules:
    """What a lesion is, and which predictions it owns.

    Attributes:
        connectivity: of the components of both maps, 6, 18 or 26.
        dilation: by how many steps lesions are grown before they are told apart, and before they
            look for predictions; 0 for the components as they are.
        dilation_connectivity: the neighbours that a step adds.
        reach: which predictions a lesion owns: those within its dilation, or only those that share
            a voxel with it.
        max_ignored_mm3: lesions of up to this volume leave the score; what they own is not false.
        ignored_sides: whether that holds for lesions alone, or for false predictions too.
    """

    connectivity: Literal[6, 18, 26] = 26
    dilation: int = 0
    dilation_connectivity: Literal[6, 18, 26] = 18
    reach: Literal["dilation", "overlap"] = "dilation"
    max_ignored_mm3: float = 0.0
    ignored_sides: Literal["reference", "both"] = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """One lesion of the reference.

    Attributes:
        number: from 1, in the order of first voxels of the grown lesions.
        voxels: its own, without dilation.
        owned: the predicted components that it owns.
        dsc: against all of what it owns; 0 where that is nothing.
        is_kept: large enough to be scored.
    """

    number: int
    voxels: int
    owned: tuple[int, ...]
    dsc: float
    is_kept: bool


@dataclass(frozen=True, kw_only=True)
class LesionWise:
    """All lesions of one label or region.

    Attributes:
        objects: lesions of the reference and components of the prediction.
        lesions: in the order of their numbers.
        false: predicted components that no lesion owns, not even one too small.
    """

    objects: ObjectPairs
    lesions: tuple[Lesion, ...]
    false: frozenset[int]

    @cached_property
    def kept(self) -> tuple[Lesion, ...]:
        """The lesions that are scored."""
        return tuple(lesion for lesion in self.lesions if lesion.is_kept)

    @property
    def detection(self) -> Detection:
        """Kept lesions with and without a prediction, and predictions without a lesion."""
        hits = tuple(((lesion.number,), lesion.owned) for lesion in self.kept if lesion.owned)
        return Detection(
            tp=len(hits),
            fp=len(self.false),
            fn=len(self.kept) - len(hits),
            pairs=hits,
            hit=frozenset(lesion.number for lesion in self.kept if lesion.owned),
            false=self.false,
        )

    def masks(self, lesion: Lesion) -> tuple[Mask, Mask]:
        """A lesion, and all of what it owns (at least something), in the box around both."""
        return self.objects.masks([lesion.number], lesion.owned)

    def mean(
        self, score: Callable[[Lesion], float], *, missed: float, false_positive: float
    ) -> float:
        """The mean of kept lesions and false positives.

        Args:
            score: of a kept lesion that owns something.
            missed: the score of one that owns nothing.
            false_positive: the score of each predicted component that no lesion owns.

        Returns:
            nan where there are neither.
        """
        if not self.kept and not self.false:
            return float("nan")
        total = sum(score(lesion) if lesion.owned else missed for lesion in self.kept)
        total += false_positive * len(self.false)
        return total / (len(self.kept) + len(self.false))


def lesion_wise(
    reference: Spans, prediction: Spans, rules: LesionRules, *, voxel_mm3: float
) -> LesionWise:
    """Tell a region's lesions apart and find what each owns.

    Args:
        reference: spans of the region, of any values.
        prediction: the same, with axes that lie as the reference's.
        rules: what a lesion is.
        voxel_mm3: the volume of a voxel.
    """
    mask = reference.union()
    grown = mask.dilated(rules.dilation, connectivity=rules.dilation_connectivity)
    grown = grown.joined(rules.connectivity)
    objects = ObjectPairs(
        reference=mask.numbered_by(grown), prediction=prediction.union().joined(rules.connectivity)
    )
    reaching = grown if rules.reach == "dilation" else objects.reference
    owners, owned, _ = pair_counts(reaching, objects.prediction)
    lesions = []
    for number in objects.reference_objects.tolist():
        first, end = np.searchsorted(owners, [number, number + 1])
        own = tuple(owned[first:end].tolist())
        voxels = objects.reference.size(number)
        lesions.append(
            Lesion(
                number=number,
                voxels=voxels,
                owned=own,
                dsc=objects.dsc([number], own),
                is_kept=voxels * voxel_mm3 > rules.max_ignored_mm3,
            )
        )
    false = np.setdiff1d(objects.predicted_objects, owned)
    if rules.ignored_sides == "both":
        false = false[objects.prediction.sizes[false] * voxel_mm3 > rules.max_ignored_mm3]
    return LesionWise(objects=objects, lesions=tuple(lesions), false=frozenset(false.tolist()))
