"""Objects and how they are detected, by the settings of a protocol: one question, all its rules."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from metrics.lesions import LesionRules, LesionWise, lesion_wise
from metrics.matching import Detection, detect_label, match_any, match_by_iou
from metrics.merged_lesions import merge_lesions
from metrics.objects import ObjectPairs
from metrics.spans import Spans

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
            (`metrics.merged_lesions`); `label`, everything as one object.
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
