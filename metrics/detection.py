"""Objects and how they are detected, by the settings of a protocol: one question, all its rules."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from metrics.distances import measure_distances
from metrics.lesions import LesionRules, LesionWise, lesion_wise
from metrics.matching import Detection, Pair, detect_label, match_any, match_by_iou
from metrics.objects import ObjectPairs
from metrics.spans import Spans


def merge_lesions(objects: ObjectPairs, *, overlap: float) -> Detection:
    """Merge lesions under one prediction, and predictions of one merged lesion, and match them.

    As PatrickChrist/lits-challenge-scoring does it, slips included, because the published numbers
    of LiTS 2017 hold them; `matching` has rules to prefer. Three are known. Two lesions under one
    prediction count as one found and one missed. If such a pair overlaps too little, two are taken
    off the one that was counted. And the union by which the overlap is divided is taken with
    another prediction, whose reference happens to bear the number of this one.

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


Connectivity: TypeAlias = Literal[6, 18, 26]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionRules:
    """What an object is, and when it is found.

    Attributes:
        objects: `components` of the label or region; `components_of_values`, of which none joins
            different values; `instances`, one for each value; `split`, instances, but of a
            prediction that has only one value its components.
        neighbours: that join voxels to components: 6, 18 or 26 (4, 8 and 8 in 2D).
        matching: `any`, `iou`, `one_to_one`, `greedy` (`metrics.matching`); `dilated`, lesions that
            own what lies within their dilation (`metrics.lesions`); `merged`, as LiTS 2017
            (`metrics.detection`); `label`, everything as one object.
        min_iou: of all but `any` and `dilated`.
        inclusive: whether a pair of exactly `min_iou` matches; `merged` never includes it, `label`
            always.
        dilation: steps with the 18 nearest neighbours, of `dilated`.
        reach: what a lesion owns: what its dilation touches, or what it shares a voxel with, of
            `dilated`.
        ignored_mm3: lesions of up to this volume are neither found nor missed, of `dilated`.
        ignored_sides: whether predictions of up to this volume are not false either.
    """

    objects: Literal["components", "components_of_values", "instances", "split"] = "components"
    neighbours: Connectivity = 26
    matching: Literal["one_to_one", "greedy", "iou", "any", "dilated", "merged", "label"] = (
        "one_to_one"
    )
    min_iou: float = 0.5
    inclusive: bool = True
    dilation: int = 0
    reach: Literal["dilation", "overlap"] = "dilation"
    ignored_mm3: float = 0.0
    ignored_sides: Literal["reference", "both"] = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """The objects of both maps, and which were found; lesions with what they own if `dilated`."""

    objects: ObjectPairs
    detection: Detection
    lesions: LesionWise | None = None


def detected(
    reference: Spans, prediction: Spans, rules: DetectionRules, *, voxel_mm3: float
) -> Detected:
    """Detect the objects of one label or region.

    Args:
        reference: its spans; of several values where values are told apart.
        prediction: the same, with axes that lie as the reference's.
        rules: what an object is and when it is found.
        voxel_mm3: the volume of a voxel.
    """
    if rules.matching == "dilated":
        of_lesions = LesionRules(
            connectivity=rules.neighbours,
            dilation=rules.dilation,
            reach=rules.reach,
            max_ignored_mm3=rules.ignored_mm3,
            ignored_sides=rules.ignored_sides,
        )
        lesions = lesion_wise(reference, prediction, of_lesions, voxel_mm3=voxel_mm3)
        return Detected(objects=lesions.objects, detection=lesions.detection, lesions=lesions)
    objects = _objects(reference, prediction, rules)
    match rules.matching:
        case "label":
            shared = int(objects.overlaps[2].sum())
            counts = reference.total, prediction.total, shared
            detection = detect_label(*counts, min_iou=rules.min_iou)
        case "any":
            detection = match_any(objects)
        case "merged":
            detection = merge_lesions(objects, overlap=rules.min_iou)
        case by_iou:
            detection = match_by_iou(
                objects, by_iou, min_iou=rules.min_iou, inclusive=rules.inclusive
            )
    return Detected(objects=objects, detection=detection)


def _objects(reference: Spans, prediction: Spans, rules: DetectionRules) -> ObjectPairs:
    if rules.matching == "label":
        return ObjectPairs(reference=reference.union(), prediction=prediction.union())
    maps = reference, prediction
    match rules.objects:
        case "components":
            maps = reference.union(), prediction.union()
            are_components = (True, True)
        case "components_of_values":
            are_components = (True, True)
        case "instances":
            are_components = (False, False)
        case "split":
            are_components = (False, prediction.value_count == 1)
    first, second = (
        spans.joined(rules.neighbours) if joins else spans
        for spans, joins in zip(maps, are_components, strict=True)
    )
    return ObjectPairs(reference=first, prediction=second)


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
