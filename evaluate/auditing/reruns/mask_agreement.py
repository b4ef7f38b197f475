"""Two masks of the same case beside each other: the same, and if not, how far apart."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_manifest.layouts import BadPrediction
from data_manifest.manifest import Case
from evaluate.facts.rules import Rules
from metrics import dice


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How two masks agree.

    What can't be read has no value.
    """

    same: bool
    dsc: float | None
    voxels: int | None


def agreement(first: Path, second: Path, case: Case, protocol: Rules) -> Agreement:
    """Compare two predictions of a case; the files are a participant's."""
    masks = []
    for path in (first, second):
        mask = protocol.read_mask(path, case)
        if isinstance(mask, BadPrediction):
            return Agreement(same=False, dsc=None, voxels=None)
        masks.append(mask)
    old, new = masks
    differing = int(np.count_nonzero(old != new))
    if not differing:
        return Agreement(same=True, dsc=1.0, voxels=0)
    labels = sorted(set(np.unique(old)) | set(np.unique(new)) - {0})
    dsc = float(np.mean([dice(old == label, new == label) for label in labels if label]))
    return Agreement(same=False, dsc=dsc, voxels=differing)
