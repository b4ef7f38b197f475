"""What a metric is and what a label's score holds: the records of this package.

A metric's direction and worst value are stated here and nowhere else: ranking, failure policy and
report read them from `METRICS`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

__all__ = ["FURTHER_METRICS", "METRICS", "LabelScore", "Metric"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A quantity that a case is judged by.

    Attributes:
        name: the column of `case_scores.csv`.
        direction: whether higher or lower values are better.
        worst: the value that no result can be worse than, infinite if there is none; None where
            only a protocol can set it (time and memory are as bad as the limit is wide).
        unit: as it is printed; empty for a ratio.
    """

    name: str
    direction: Literal["higher", "lower"]
    worst: float | None
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScore:
    """The agreement of two label maps on one label.

    Attributes:
        label: its value in the maps.
        dsc: Dice similarity coefficient, 0 to 1; nan where neither map has the label.
        nsd: surface Dice at the tolerance, 0 to 1; nan where neither map has the label.
        reference_voxels: voxels (pixels in 2D) of the label in the reference.
        prediction_voxels: the same in the prediction.
        further: the metrics that were asked for by name; nan where one is not defined.
    """

    label: int
    dsc: float
    nsd: float
    reference_voxels: int
    prediction_voxels: int
    further: Mapping[str, float] = field(default_factory=dict)


_OF_MASKS = (
    Metric(name="dsc", direction="higher", worst=0.0, unit=""),
    Metric(name="nsd", direction="higher", worst=0.0, unit=""),
)
_FURTHER = (
    Metric(name="iou", direction="higher", worst=0.0, unit=""),
    Metric(name="sensitivity", direction="higher", worst=0.0, unit=""),
    Metric(name="precision", direction="higher", worst=0.0, unit=""),
    Metric(name="volume_difference", direction="lower", worst=math.inf, unit="%"),
    Metric(name="hd", direction="lower", worst=math.inf, unit="mm"),
    Metric(name="hd95", direction="lower", worst=math.inf, unit="mm"),
    Metric(name="assd", direction="lower", worst=math.inf, unit="mm"),
    Metric(name="lesion_f1", direction="higher", worst=0.0, unit=""),
)
_OF_RUNS = (
    Metric(name="wall_s", direction="lower", worst=None, unit="s"),
    Metric(name="cpu_s", direction="lower", worst=None, unit="s"),
    Metric(name="peak_memory_mib", direction="lower", worst=None, unit="MiB"),
)

FURTHER_METRICS: Mapping[str, Metric] = MappingProxyType({m.name: m for m in _FURTHER})
"""What a label can be scored by besides DSC and NSD, by name."""

METRICS: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for metric in (*_OF_MASKS, *_FURTHER, *_OF_RUNS)}
)
"""Every metric, by name."""
