"""Arrays in, numbers out: what segmentations are judged by, per label, in 2D and 3D.

Nothing here reads a file, a clock or a setting. Spacings and tolerances are in mm and in the
arrays' axis order. A value that is not defined (a label in neither map) is nan, never a number.
"""

from metrics.definition import EmptyRules, MetricDef, MetricOption, OptionValue, Rule
from metrics.errors import KernelError, MetricInputError
from metrics.label_pair import LabelPair
from metrics.label_scoring import (
    Comparison,
    LabelValues,
    PreparedReference,
    dice,
    false_positive_voxels,
    score_labels,
    surface_dice,
)
from metrics.registry import METRICS

__all__ = [
    "METRICS",
    "Comparison",
    "EmptyRules",
    "KernelError",
    "LabelPair",
    "LabelValues",
    "MetricDef",
    "MetricInputError",
    "MetricOption",
    "OptionValue",
    "PreparedReference",
    "Rule",
    "dice",
    "false_positive_voxels",
    "score_labels",
    "surface_dice",
]
