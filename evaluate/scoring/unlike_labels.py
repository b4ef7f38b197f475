"""Label maps that speak of different labels: 255 for what the reference calls 1."""

from collections.abc import Sequence

from data_manifest.findings import listed
from evaluate.facts.scores import LabelScore


def unlike_labels(rows: Sequence[LabelScore]) -> str:
    """What a prediction has instead, where it has none of the labels that its reference has.

    Returns:
        In words; empty where they share a label, or one of both has none.
    """
    theirs = [row.label for row in rows if row.prediction_voxels]
    ours = [row.label for row in rows if row.reference_voxels]
    if not theirs or not ours or set(theirs) & set(ours):
        return ""
    return f"the prediction has {listed(theirs, most=5)}, the reference {listed(ours, most=5)}"
