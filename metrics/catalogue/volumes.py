"""Metrics of volumes and rims, and the volumes themselves."""

import math
from collections.abc import Callable

from metrics.definition import EmptyRules, MetricDef, number
from metrics.label_pair import LabelPair
from metrics.overlaps import Overlap, boundary_iou

_COMPUTED = EmptyRules(
    both="computed", reference="computed", prediction="computed", failed="computed"
)


def _volume(name: str, title: str, definition: str, read: Callable[[Overlap], float]) -> MetricDef:
    def compute(pair: LabelPair) -> float:
        return read(pair.overlap) if pair.is_3d else math.nan

    is_error = "difference" in name
    return MetricDef(
        name=name,
        title=title,
        long_title=title.lower(),
        definition=definition,
        direction="lower" if is_error else "higher",
        worst=math.inf if is_error else 0.0,
        unit="ml",
        is_signed=name == "volume_difference_ml",
        empty=_COMPUTED,
        compute=compute,
    )


def _boundary_iou(pair: LabelPair, *, diagonal_share: float) -> float:
    width_mm = diagonal_share * pair.diagonal_mm
    return boundary_iou(*pair.masks, spacing_mm=pair.spacing_mm, width_mm=width_mm)


def _burden_difference(pair: LabelPair, *, part: float, without: float) -> float:
    before, after = (
        spans.size(int(part)) / spans.total if spans.total else share
        for spans, share in zip(pair.spans, (0.0, without), strict=True)
    )
    return after - before


DEFINITIONS = (
    MetricDef(
        name="specificity",
        title="Specificity",
        long_title="share of the background that was left alone",
        definition="The share of the voxels outside the reference that are outside the prediction"
        " too; near 1 in any image that is mostly background.",
        direction="higher",
        worst=0.0,
        empty=EmptyRules(both="computed", reference="computed", prediction="computed"),
        compute=lambda pair: pair.overlap.specificity,
    ),
    MetricDef(
        name="boundary_iou",
        title="Boundary IoU",
        long_title="intersection over union of the rims",
        definition="The IoU of the voxels of each mask that are no further from its contour than"
        " `diagonal_share` of the image's diagonal (Cheng et al. 2021: 0.02).",
        direction="higher",
        worst=0.0,
        options={"diagonal_share": number("diagonal_share", default=0.02, high=1.0)},
        compute=_boundary_iou,
    ),
    MetricDef(
        name="relative_volume_difference",
        title="Relative volume difference",
        long_title="signed relative volume difference",
        definition="How much larger the prediction is, as a share of the reference; signed"
        " (LiTS 2017).",
        direction="lower",
        worst=math.inf,
        unit="of the reference",
        is_signed=True,
        empty=EmptyRules(prediction="computed"),
        compute=lambda pair: pair.overlap.relative_volume_difference,
    ),
    MetricDef(
        name="burden_difference",
        title="Burden difference",
        long_title="difference of the share of one label in the region",
        definition="The share of label `part` in the region (tumour in the liver): the prediction's"
        " less the reference's, signed; a prediction without the region has the share `without`.",
        direction="lower",
        worst=math.inf,
        is_signed=True,
        empty=_COMPUTED,
        options={
            "part": number("part", default=2, low=1, high=65535),
            "without": number("without", default=0.0),
        },
        compute=_burden_difference,
    ),
    _volume(
        "volume_difference_ml",
        "Volume difference",
        "The prediction's volume less the reference's; signed, so rank by the absolute one.",
        lambda overlap: overlap.volume_difference_ml,
    ),
    _volume(
        "absolute_volume_difference_ml",
        "Absolute volume difference",
        "The difference of the volumes without its sign (ISLES).",
        lambda overlap: overlap.absolute_volume_difference_ml,
    ),
    _volume(
        "reference_volume_ml",
        "Reference volume",
        "The volume of the reference: a fact of the case, and no score.",
        lambda overlap: overlap.reference_volume_ml,
    ),
    _volume(
        "prediction_volume_ml",
        "Predicted volume",
        "The volume of the prediction: a fact of the answer, and no score.",
        lambda overlap: overlap.prediction_volume_ml,
    ),
    _volume(
        "intersection_volume_ml",
        "Shared volume",
        "The volume that both masks have: what aggregated Dice adds up.",
        lambda overlap: overlap.intersection_volume_ml,
    ),
)
