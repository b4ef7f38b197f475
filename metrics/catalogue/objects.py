"""Metrics of single objects: connected components that are found, missed or made up."""

from metrics.arguments import checked_min_iou
from metrics.definition import MetricDef, MetricOption
from metrics.label_pair import LabelPair
from metrics.lesions import detection_f1

__all__ = ["DEFINITIONS"]


def _lesion_f1(pair: LabelPair, *, min_iou: float) -> float:
    return detection_f1(*pair.masks, min_iou=min_iou)


DEFINITIONS = (
    MetricDef(
        name="lesion_f1",
        title="Lesion F1",
        long_title="detection of single objects",
        definition="Twice the objects that are found over all objects of both masks; objects touch"
        " also at corners, and pairs, one to one, have an IoU of at least `min_iou`.",
        direction="higher",
        worst=0.0,
        options={"min_iou": MetricOption(check=checked_min_iou, default=0.5)},
        compute=_lesion_f1,
    ),
)
