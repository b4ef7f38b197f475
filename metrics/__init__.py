"""Arrays in, numbers out: DSC and surface DSC of segmentations, per label, in 2D and 3D.

Nothing here reads a file, a clock or a setting. Spacings and tolerances are in mm and in the
arrays' axis order. A value that is not defined (a label in neither map) is nan, never a number.
"""

from metrics.errors import KernelError, MetricInputError
from metrics.records import FURTHER_METRICS, METRICS, LabelScore, Metric
from metrics.scores import Comparison, dice, false_positive_voxels, score_labels, surface_dice

__all__ = [
    "FURTHER_METRICS",
    "METRICS",
    "Comparison",
    "KernelError",
    "LabelScore",
    "Metric",
    "MetricInputError",
    "dice",
    "false_positive_voxels",
    "score_labels",
    "surface_dice",
]
