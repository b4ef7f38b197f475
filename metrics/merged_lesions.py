"""The detection of LiTS 2017, whose lesions merge where one prediction covers several.

As PatrickChrist/lits-challenge-scoring does it, slips included, because its published numbers hold
them; `matching` has rules to prefer. Three are known. Two lesions under one prediction count as one
found and one missed. If such a pair overlaps too little, two are taken off the one that was
counted. And the union by which the overlap is divided is taken with another prediction, whose
reference happens to bear the number of this one.
"""

from collections import defaultdict

import numpy as np

from metrics.matching import Detection, Pair
from metrics.objects import ObjectPairs


def merge_lesions(objects: ObjectPairs, *, overlap: float) -> Detection:
    """Merge lesions under one prediction, and predictions of one merged lesion, and match them.

    Args:
        objects: 6-components of both maps, numbered in C order.
        overlap: pairs of this intersection over union or less are no match.

    Returns:
        The groups that were found, less those that the second slip takes off: perhaps less than
        none. Pairs are of all lesions and all predicted components of a group that is left.
    """
    lesions = _merged_references(objects)
    predictions = _merged_predictions(objects, lesions)
    hit, pairs = len(predictions), list[Pair]()
    for number in sorted(predictions, key=lambda n: predictions[n][0]):
        own = predictions[number]
        shared = objects.shared(lesions[number], own)
        other = predictions.get(own[0], ())  # the third slip: it should be `own`
        union = int(objects.reference.sizes[list(lesions[number])].sum())
        union += int(objects.prediction.sizes[list(other)].sum())
        union -= objects.shared(lesions[number], other)
        if shared / union <= overlap:
            hit -= len(lesions[number])
            del predictions[number]
        else:
            pairs.append((lesions[number], own))
    return Detection(
        tp=hit,
        fp=len(objects.predicted_objects) - hit,
        fn=len(objects.reference_objects) - hit,
        pairs=tuple(pairs),
        hit=frozenset(number for lesions, _ in pairs for number in lesions),
        false=frozenset(objects.predicted_objects.tolist()).difference(
            number for _, made in pairs for number in made
        ),
    )


def _merged_references(objects: ObjectPairs) -> dict[int, tuple[int, ...]]:
    """Lesions that share most with one and the same prediction, by the lowest of their numbers."""
    lesions, made, shared = objects.overlaps
    largest = {}
    for lesion in np.unique(lesions).tolist():
        mine = np.flatnonzero(lesions == lesion)
        largest[lesion] = int(made[mine[np.argmax(shared[mine])]])  # the first of equal ones
    groups = defaultdict(list)
    for lesion, prediction in largest.items():
        groups[prediction].append(lesion)
    return {min(group): tuple(group) for group in groups.values()}


def _merged_predictions(
    objects: ObjectPairs, lesions: dict[int, tuple[int, ...]]
) -> dict[int, tuple[int, ...]]:
    """Predictions that share most with one and the same merged lesion, by the lesion's number."""
    number_of = {lesion: number for number, group in lesions.items() for lesion in group}
    shared_with: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for lesion, made, shared in zip(*(a.tolist() for a in objects.overlaps), strict=True):
        shared_with[made][number_of[lesion]] += shared
    groups = defaultdict(list)
    for made in sorted(shared_with):
        merged = shared_with[made]
        groups[min(merged, key=lambda number: (-merged[number], number))].append(made)
    return {number: tuple(group) for number, group in groups.items()}
