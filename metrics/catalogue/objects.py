"""Metrics of single objects: components or instances that are found, missed or made up."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from metrics.arguments import checked_min_iou
from metrics.definition import (
    EmptyRules,
    MetricDef,
    MetricOption,
    OptionValue,
    choice,
    flag,
    number,
)
from metrics.detection import DetectionRules
from metrics.label_pair import LabelPair
from metrics.matching import Detection
from metrics.objects import ObjectPairs

DETECTION: Mapping[str, MetricOption] = MappingProxyType(
    {
        "objects": choice("objects", "components", "components_of_values", "instances", "split"),
        "neighbours": choice("neighbours", 6, 18, 26, default=26),
        "matching": choice(
            "matching", "one_to_one", "greedy", "iou", "any", "dilated", "merged", "label"
        ),
        "min_iou": MetricOption(check=checked_min_iou, default=0.5),
        "inclusive": flag("inclusive", default=True),
        "dilation": choice("dilation", *range(21)),
        "reach": choice("reach", "dilation", "overlap"),
        "ignored_mm3": number("ignored_mm3", default=0.0, unit="mm³"),
        "ignored_sides": choice("ignored_sides", "reference", "both"),
    }
)
"""What every metric of objects may be told: what an object is, and when it is found."""

_SMOOTHING = number("smoothing", default=0.0, high=1.0)
_COUNTED = EmptyRules(
    both="computed", reference="computed", prediction="computed", failed="computed"
)
"""Counts are what they are, whatever is empty; a case that failed has found nothing."""


def rules_of(options: Mapping[str, OptionValue]) -> DetectionRules:
    """The detection's rules among a metric's options."""
    given = {name: options[name] for name in DETECTION if name in options}
    return DetectionRules(**given)  # type: ignore[arg-type]  # checked one by one


def _of_detection(read: Callable[[Detection], float]) -> Callable[..., float]:
    def compute(pair: LabelPair, **options: OptionValue) -> float:
        return read(pair.detected(rules_of(options)).detection)

    return compute


def _quality(name: str) -> Callable[..., float]:
    def compute(pair: LabelPair, *, smoothing: float, **options: OptionValue) -> float:
        detection = pair.detected(rules_of(options)).detection
        quality: float = getattr(detection, f"{name}_quality")(smoothing=smoothing)
        return quality

    return compute


def _count_difference(pair: LabelPair, *, signed: bool, **options: OptionValue) -> float:
    objects = pair.detected(rules_of(options)).objects
    difference = float(len(objects.predicted_objects) - len(objects.reference_objects))
    return difference if signed else abs(difference)


def _volume_ml(read: Callable[[ObjectPairs], int]) -> Callable[..., float]:
    def compute(pair: LabelPair, **options: OptionValue) -> float:
        objects = pair.detected(rules_of(options | {"matching": "any"})).objects
        return read(objects) * pair.voxel_mm / 1000 if pair.is_3d else math.nan

    return compute


def _share(name: str, title: str, long_title: str, definition: str, read: str) -> MetricDef:
    return MetricDef(
        name=name,
        title=title,
        long_title=long_title,
        definition=definition,
        direction="higher",
        worst=0.0,
        options=DETECTION,
        compute=_of_detection(lambda detection: getattr(detection, read)),
    )


def _count(
    name: str,
    title: str,
    definition: str,
    read: str,
    *,
    more_is_better: bool,
    unit: str = "objects",
) -> MetricDef:
    return MetricDef(
        name=name,
        title=title,
        long_title=title.lower(),
        definition=definition,
        direction="higher" if more_is_better else "lower",
        worst=0.0 if more_is_better else math.inf,
        unit=unit,
        empty=_COUNTED,
        options=DETECTION,
        compute=_of_detection(lambda detection: getattr(detection, read)),
    )


def _falsehood(
    name: str, title: str, definition: str, read: Callable[[ObjectPairs], int]
) -> MetricDef:
    return MetricDef(
        name=name,
        title=title,
        long_title=title,
        definition=definition,
        direction="lower",
        worst=math.inf,
        unit="ml",
        empty=_COUNTED,
        options={name: DETECTION[name] for name in ("objects", "neighbours")},
        compute=_volume_ml(read),
    )


DEFINITIONS = (
    _share(
        "lesion_f1",
        "Lesion F1",
        "detection of single objects",
        "Twice the objects that are found over all objects of both masks; objects touch"
        " also at corners, and pairs, one to one, have an IoU of at least `min_iou`.",
        "f1",
    ),
    _share(
        "lesion_precision",
        "Lesion precision",
        "share of the predicted objects that are there",
        "The objects found over these and the false ones.",
        "precision",
    ),
    _share(
        "lesion_sensitivity",
        "Lesion sensitivity",
        "share of the objects that were found",
        "The objects found over all objects of the reference.",
        "sensitivity",
    ),
    _count(
        "lesion_tp",
        "Objects found",
        "Objects of the reference that were found.",
        "tp",
        more_is_better=True,
    ),
    _count(
        "lesion_fp",
        "Objects made up",
        "Predicted objects that are none of the reference's.",
        "fp",
        more_is_better=False,
    ),
    _count(
        "lesion_fn",
        "Objects missed",
        "Objects of the reference that were not found.",
        "fn",
        more_is_better=False,
    ),
    _count(
        "lesion_pairs",
        "Matched pairs",
        "The pairs that metrics of matched objects are means over; none where nothing was found.",
        "scored_pairs",
        more_is_better=True,
        unit="pairs",
    ),
    _count(
        "lesion_iou_sum",
        "Sum of IoU",
        "The IoU of the matched pairs, added up.",
        "iou_sum",
        more_is_better=True,
        unit="IoU",
    ),
    MetricDef(
        name="lesion_count_difference",
        title="Count difference",
        long_title="difference of the numbers of objects",
        definition="How many more or fewer objects are predicted than the reference has; with"
        " `signed`, fewer are less than 0.",
        direction="lower",
        worst=math.inf,
        unit="objects",
        is_signed=True,
        empty=_COUNTED,
        options={name: DETECTION[name] for name in ("objects", "neighbours")}
        | {"signed": flag("signed", default=False)},
        compute=_count_difference,
    ),
    _falsehood(
        "fp_volume_ml",
        "FP volume",
        "The volume of predicted objects that share no voxel with the reference (autoPET).",
        ObjectPairs.invented_voxels,
    ),
    _falsehood(
        "fn_volume_ml",
        "FN volume",
        "The volume of the reference's objects that share no voxel with the prediction (autoPET).",
        ObjectPairs.missed_voxels,
    ),
    *(
        MetricDef(
            name=f"{name}_quality",
            title=f"{title} quality",
            long_title=f"{title.lower()} quality",
            definition=definition,
            direction="higher",
            worst=0.0,
            options=dict(DETECTION) | {"smoothing": _SMOOTHING},
            compute=_quality(name),
        )
        for name, title, definition in (
            (
                "panoptic",
                "Panoptic",
                "The sum of IoU of matched pairs over tp + fp/2 + fn/2 (Kirillov et al. 2019).",
            ),
            ("detection", "Detection", "tp / (tp + fp/2 + fn/2) of the objects."),
            ("segmentation", "Segmentation", "The mean IoU of the matched pairs."),
        )
    ),
)
