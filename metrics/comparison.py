"""Two label maps, counted once: what every question about them starts from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy.typing as npt

from metrics.arguments import (
    Tolerance,
    checked_labels,
    checked_min_iou,
    checked_prediction_map,
    checked_reference_map,
    checked_spacing,
    tolerance_of_each,
)
from metrics.definition import OptionValue
from metrics.errors import MetricInputError
from metrics.label_extents import KernelMap, LabelExtents, LabelMaps
from metrics.label_pair import LabelPair, Pass, region_pair
from metrics.registry import METRICS
from metrics.spans import Spans


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelValues:
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


class PreparedReference:
    """A reference that many predictions are compared with; what it says alone is found once."""

    def __init__(self, reference: npt.ArrayLike, *, copied: bool = True) -> None:
        """Arguments and exceptions are those of `Comparison`."""
        self.label_map = checked_reference_map(reference)
        self.kernel_map = KernelMap(self.label_map, copied=copied)


class Comparison:
    """Two label maps, counted once: what every question about them starts from."""

    def __init__(
        self,
        reference: npt.ArrayLike | PreparedReference,
        prediction: npt.ArrayLike,
        *,
        copied: bool = True,
    ) -> None:
        """Count and locate every label of both maps.

        Args:
            reference: any integer dtype, (H, W) or (D, H, W); 0 is background, labels up to 65535.
                Or one that was prepared, as for many predictions.
            prediction: the same shape.
            copied: False spares a copy of both, where they do not change while this lives.

        Raises:
            MetricInputError: a dtype is not an integer's, the shapes differ or are not 2D or 3D,
                or a label is out of range.
        """
        if not isinstance(reference, PreparedReference):
            reference = PreparedReference(reference, copied=copied)
        first, answer = (
            reference.kernel_map,
            checked_prediction_map(prediction, reference.label_map),
        )
        self._maps = LabelMaps(first, KernelMap(answer, order=first.order, copied=copied))
        self._extents = LabelExtents.of(self._maps)

    @property
    def reference_labels(self) -> list[int]:
        """The labels that the reference has, rising."""
        return self._extents.reference_labels

    @property
    def prediction_labels(self) -> list[int]:
        """The labels that the prediction has, rising."""
        return self._extents.prediction_labels

    def reference_voxels(self, label: int) -> int:
        """How many voxels of a label the reference has."""
        return self._extents.voxels(label)[0]

    @property
    def surplus(self) -> dict[int, int]:
        """The prediction's voxels of each label that the reference has nowhere, labels rising."""
        return self._extents.surplus

    def pairs(self, labels: Sequence[int], *, spacing_mm: Sequence[float]) -> list[LabelPair]:
        """What metrics are computed from, of each label, in the order given.

        Raises:
            MetricInputError: a label or a spacing is none.
        """
        wanted = checked_labels(labels)
        shared = Pass(
            self._maps,
            self._extents,
            spacing_mm=checked_spacing(spacing_mm, len(self._maps.shape)),
            labels=wanted,
        )
        return [LabelPair(shared, label) for label in wanted]

    def region(
        self, labels: Collection[int] | None = None, *, spacing_mm: Sequence[float]
    ) -> LabelPair:
        """What metrics are computed from, of several labels as one.

        Args:
            labels: of the region; None for all but 0. Its objects never join different ones.
            spacing_mm: in the arrays' axis order.

        Raises:
            MetricInputError: a label or a spacing is none.
        """
        return region_pair(
            self._maps,
            None if labels is None else checked_labels(sorted(labels)),
            spacing_mm=checked_spacing(spacing_mm, len(self._maps.shape)),
            spans=self._spans,
        )

    @cached_property
    def _spans(self) -> tuple[Spans, Spans]:
        return Spans.both(self._maps)

    def scores(
        self,
        *,
        spacing_mm: Sequence[float],
        tolerance_mm: Tolerance,
        labels: Sequence[int] | None = None,
        further: Collection[str] = (),
        min_iou: float = 0.5,
    ) -> list[LabelValues]:
        """Score labels; arguments and exceptions are those of `score_labels`."""
        names = _checked_further(further)
        options: dict[str, OptionValue] = {"min_iou": checked_min_iou(min_iou)}
        wanted = self.reference_labels if labels is None else checked_labels(labels)
        tolerances = tolerance_of_each(tolerance_mm, wanted, labels_given=labels is not None)
        by_label = {pair.label: pair for pair in self._grouped(wanted, tolerances, spacing_mm)}
        return [
            LabelValues(
                label=label,
                dsc=METRICS["dsc"].value(by_label[label]),
                nsd=METRICS["nsd"].value(by_label[label], tolerance_mm=tolerance),
                reference_voxels=by_label[label].reference_voxels,
                prediction_voxels=by_label[label].prediction_voxels,
                further={
                    name: METRICS[name].value(
                        by_label[label],
                        **METRICS[name].checked(
                            {k: options[k] for k in METRICS[name].options if k in options}
                        ),
                    )
                    for name in names
                },
            )
            for label, tolerance in zip(wanted, tolerances, strict=True)
        ]

    def _grouped(
        self, labels: Sequence[int], tolerances: Sequence[float], spacing_mm: Sequence[float]
    ) -> list[LabelPair]:
        """Labels of one tolerance are measured together."""
        checked_spacing(spacing_mm, len(self._maps.shape))
        groups: dict[float, list[int]] = {}
        for label, tolerance in zip(labels, tolerances, strict=True):
            groups.setdefault(tolerance, []).append(label)
        return [p for group in groups.values() for p in self.pairs(group, spacing_mm=spacing_mm)]


def _checked_further(names: Collection[str]) -> tuple[str, ...]:
    """Names of further metrics, as given; one that is not known is refused."""
    for name in names:
        if name not in METRICS or METRICS[name].is_measured:
            known = [m.name for m in METRICS.values() if not m.is_measured]
            raise MetricInputError(
                argument="further", found=repr(name), expected=f"of {', '.join(known)}"
            )
    return tuple(names)
