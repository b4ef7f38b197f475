"""Metrics for which counts of voxels are enough."""

import math

from metrics.definition import EmptyRules, MetricDef, flag
from metrics.label_pair import LabelPair
from metrics.spans import Spans, pair_counts


def _dsc(pair: LabelPair, *, sum_values: bool = False) -> float:
    if sum_values:
        return _dsc_of_sums(*pair.spans)
    return 2 * pair.shared_voxels / (pair.reference_voxels + pair.prediction_voxels)


def _dsc_of_sums(reference: Spans, prediction: Spans) -> float:
    first, second, shared = pair_counts(reference, prediction)
    sums = sum(
        int((spans.table["value"] * spans.voxels).sum()) for spans in (reference, prediction)
    )
    return 2 * int((first * second * shared).sum()) / sums


def _iou(pair: LabelPair) -> float:
    return pair.shared_voxels / (
        pair.reference_voxels + pair.prediction_voxels - pair.shared_voxels
    )


def _volume_difference(pair: LabelPair) -> float:
    return 100 * abs(pair.prediction_voxels - pair.reference_voxels) / pair.reference_voxels


DEFINITIONS = (
    MetricDef(
        name="dsc",
        title="DSC",
        long_title="Dice similarity coefficient",
        definition="Twice the voxels that both masks have, over the voxels of both masks.",
        direction="higher",
        worst=0.0,
        options={"sum_values": flag("sum_values", default=False)},
        compute=_dsc,
    ),
    MetricDef(
        name="iou",
        title="IoU",
        long_title="intersection over union",
        definition="The voxels that both masks have, over those that either has.",
        direction="higher",
        worst=0.0,
        compute=_iou,
    ),
    MetricDef(
        name="sensitivity",
        title="Sensitivity",
        long_title="share of the reference that was found",
        definition="The share of the reference's voxels that the prediction has too.",
        direction="higher",
        worst=0.0,
        compute=lambda pair: pair.shared_voxels / pair.reference_voxels,
    ),
    MetricDef(
        name="precision",
        title="Precision",
        long_title="share of the prediction that is right",
        definition="The share of the prediction's voxels that the reference has too.",
        direction="higher",
        worst=0.0,
        compute=lambda pair: pair.shared_voxels / pair.prediction_voxels,
    ),
    MetricDef(
        name="volume_difference",
        title="Volume difference",
        long_title="absolute volume difference",
        definition="How much larger or smaller the prediction is, in % of the reference; of a label"
        " that only the prediction has there is no such percentage.",
        direction="lower",
        worst=math.inf,
        unit="%",
        empty=EmptyRules(prediction=100.0, failed=100.0),
        compute=_volume_difference,
    ),
)
