"""Label maps that speak of different labels: 255 for what the reference calls 1."""

from collections.abc import Sequence

from evaluate.facts.scores import LabelScore

__all__ = ["unlike_labels"]

_SHOWN = 5


def unlike_labels(rows: Sequence[LabelScore]) -> str:
    """What a prediction has instead, where it has none of the labels that its reference has.

    Returns:
        In words; empty where they share a label, or one of both has none.
    """
    theirs = [row.label for row in rows if row.prediction_voxels]
    ours = [row.label for row in rows if row.reference_voxels]
    if not theirs or not ours or set(theirs) & set(ours):
        return ""
    return f"the prediction has {_listed(theirs)}, the reference {_listed(ours)}"


def _listed(labels: Sequence[int | str]) -> str:
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return ", ".join(map(str, labels[:_SHOWN])) + more
