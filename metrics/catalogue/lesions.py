"""Metrics of each lesion on its own, averaged: lesion-wise scores, and those of matched pairs."""

import math
from collections.abc import Callable

from metrics.boundaries import Boundary
from metrics.catalogue.objects import DETECTION, rules_of
from metrics.definition import EmptyRules, MetricDef, OptionValue, choice, length, number
from metrics.distances import SurfaceDistances, measure_distances
from metrics.label_pair import LabelPair
from metrics.lesions import Lesion, LesionWise
from metrics.matching import Pair
from metrics.objects import ObjectPairs

_LESIONS = {
    name: DETECTION[name]
    for name in ("neighbours", "dilation", "reach", "ignored_mm3", "ignored_sides")
}
_ALWAYS = EmptyRules(reference="computed", prediction="computed")
"""Lesions too small to count, and predictions near them, may leave nothing to be missed."""


def _lesion_wise(pair: LabelPair, options: dict[str, OptionValue]) -> LesionWise:
    lesions = pair.detected(rules_of(options | {"matching": "dilated"})).lesions
    if lesions is None:
        raise ValueError("lesions were not told apart")
    return lesions


def _or_else(value: float, instead: float) -> float:
    return instead if math.isnan(value) else value


def _lesion_dsc(pair: LabelPair, *, nothing: float, **options: OptionValue) -> float:
    lesions = _lesion_wise(pair, options)
    mean = lesions.mean(lambda lesion: lesion.dsc, missed=0.0, false_positive=0.0)
    return _or_else(mean, nothing)


def _lesion_hd95(
    pair: LabelPair, *, nothing: float, penalty_mm: float, **options: OptionValue
) -> float:
    lesions = _lesion_wise(pair, options)
    penalty = pair.diagonal_mm if math.isinf(penalty_mm) else penalty_mm

    def hd95(lesion: Lesion) -> float:
        measured = measure_distances(*lesions.masks(lesion), spacing_mm=pair.spacing_mm)
        return measured.percentile(95.0, "directed")

    mean = lesions.mean(hd95, missed=penalty, false_positive=penalty)
    return _or_else(mean, nothing)


# ---- matched pairs alone
_SURFACE = {
    "surface": choice("surface", "areas", "voxels"),
    "contour": choice("contour", 6, 18, 26),
}


def _over_pairs(measure: Callable[[ObjectPairs, Pair], float]) -> Callable[..., float]:
    def compute(pair: LabelPair, *, unmatched: float, **options: OptionValue) -> float:
        detected = pair.detected(rules_of(options))
        if not detected.detection.scored_pairs:
            return unmatched
        values = [measure(detected.objects, matched) for matched in detected.detection.pairs]
        return sum(values) / len(values)

    return compute


def _distance(read: Callable[[SurfaceDistances], float]) -> Callable[..., float]:
    def compute(
        pair: LabelPair, *, surface: str, contour: int, unmatched: float, **options: OptionValue
    ) -> float:
        boundary = Boundary(elements=surface, connectivity=contour)  # type: ignore[arg-type]

        def measure(objects: ObjectPairs, matched: Pair) -> float:
            masks = objects.masks(*matched)
            return read(measure_distances(*masks, spacing_mm=pair.spacing_mm, boundary=boundary))

        return _over_pairs(measure)(pair, unmatched=unmatched, **options)

    return compute


def _iou(objects: ObjectPairs, matched: Pair) -> float:
    dsc = objects.dsc(*matched)
    return dsc / (2 - dsc)


def _relative_volume_difference(objects: ObjectPairs, matched: Pair) -> float:
    reference = int(objects.reference.sizes[list(matched[0])].sum())
    prediction = int(objects.prediction.sizes[list(matched[1])].sum())
    return (prediction - reference) / reference


def _matched(
    name: str, title: str, definition: str, measure: Callable[[ObjectPairs, Pair], float]
) -> MetricDef:
    is_error = name == "relative_volume_difference"
    return MetricDef(
        name=f"lesion_matched_{name}",
        title=f"{title} of matched objects",
        long_title=f"{title} of the objects that were matched",
        definition=f"{definition} The mean over the matched pairs alone; `unmatched` without any.",
        direction="lower" if is_error else "higher",
        worst=math.inf if is_error else 0.0,
        unit="of the reference" if is_error else "",
        is_signed=is_error,
        options=dict(DETECTION)
        | {"unmatched": number("unmatched", default=math.inf if is_error else 0.0)},
        compute=_over_pairs(measure),
    )


def _matched_distance(
    name: str, title: str, definition: str, read: Callable[[SurfaceDistances], float]
) -> MetricDef:
    return MetricDef(
        name=f"lesion_matched_{name}",
        title=f"{title} of matched objects",
        long_title=f"{title} of the objects that were matched",
        definition=f"{definition} The mean over the matched pairs alone; `unmatched` without any.",
        direction="lower",
        worst="diagonal",
        unit="mm",
        options=dict(DETECTION) | _SURFACE | {"unmatched": length("unmatched", default=math.inf)},
        compute=_distance(read),
    )


DEFINITIONS = (
    MetricDef(
        name="lesion_dsc",
        title="Lesion-wise DSC",
        long_title="lesion-wise Dice similarity coefficient",
        definition="The mean over the reference's lesions of their DSC against all that they own,"
        " and 0 for each predicted component that no lesion owns (BraTS 2023).",
        direction="higher",
        worst=0.0,
        empty=_ALWAYS,
        options=_LESIONS | {"nothing": number("nothing", default=1.0)},
        compute=_lesion_dsc,
    ),
    MetricDef(
        name="lesion_hd95",
        title="Lesion-wise HD95",
        long_title="lesion-wise 95th percentile of the Hausdorff distance",
        definition="The mean over the reference's lesions of their HD95 (directed, by areas) to all"
        " that they own, and `penalty_mm` for each lesion that owns nothing and each predicted"
        " component that no lesion owns (BraTS 2023); by default the image's diagonal.",
        direction="lower",
        worst="diagonal",
        unit="mm",
        empty=_ALWAYS,
        options=_LESIONS
        | {
            "nothing": length("nothing", default=0.0),
            "penalty_mm": length("penalty_mm", default=math.inf),
        },
        compute=_lesion_hd95,
    ),
    _matched("dsc", "DSC", "Twice the shared voxels over both objects'.", ObjectPairs.dsc_of),
    _matched("iou", "IoU", "The shared voxels over those of either object.", _iou),
    _matched(
        "relative_volume_difference",
        "Volume difference",
        "How much larger the predicted object is, as a share of the reference's; signed.",
        _relative_volume_difference,
    ),
    _matched_distance(
        "assd", "ASSD", "The mean distance over both surfaces.", SurfaceDistances.mean
    ),
    _matched_distance(
        "rmsd",
        "RMSD",
        "The root of the mean squared distance over both surfaces.",
        SurfaceDistances.root_mean_square,
    ),
    _matched_distance("hd", "HD", "The largest distance.", SurfaceDistances.hausdorff),
)
