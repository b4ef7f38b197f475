"""What a metric is and what a label's score holds: the records of this package.

A metric's direction and worst value are stated here and nowhere else: ranking, failure policy and
report read them from `METRICS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["METRICS", "LabelScore", "Metric"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A quantity that a case is judged by.

    Attributes:
        name: the column of `case_scores.csv`.
        direction: whether higher or lower values are better.
        worst: the value that no result can be worse than; None where only a protocol can set it
            (time and memory are as bad as the limit is wide).
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
    """

    label: int
    dsc: float
    nsd: float
    reference_voxels: int
    prediction_voxels: int


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric(name="dsc", direction="higher", worst=0.0, unit=""),
            Metric(name="nsd", direction="higher", worst=0.0, unit=""),
            Metric(name="wall_s", direction="lower", worst=None, unit="s"),
            Metric(name="cpu_s", direction="lower", worst=None, unit="s"),
            Metric(name="peak_memory_mib", direction="lower", worst=None, unit="MiB"),
        )
    }
)
"""Every metric, by name."""
