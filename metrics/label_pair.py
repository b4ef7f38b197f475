"""One label in two maps: what metrics are computed from, each part measured once for all."""

import math
from collections.abc import Collection, Sequence
from functools import cached_property

import numpy as np

from metrics.arguments import Mask
from metrics.boundaries import AREAS, Boundary
from metrics.detection import Detected, DetectionRules, detected
from metrics.distances import SurfaceDistances, measure_distances
from metrics.label_extents import LabelExtents, LabelMaps
from metrics.overlaps import Overlap
from metrics.spans import Spans
from metrics.surfaces import SurfaceOverlap, surface_overlaps


class Pass:
    """Two label maps, counted, and the surfaces that were measured so far.

    Args:
        maps: the reference and the prediction.
        spacing_mm: in the maps' axis order.
        labels: that are scored: their surfaces are measured together, at the first question.
    """

    def __init__(
        self,
        maps: LabelMaps,
        extents: LabelExtents,
        *,
        spacing_mm: tuple[float, ...],
        labels: Sequence[int],
    ) -> None:
        self.maps, self.extents, self.spacing_mm = maps, extents, spacing_mm
        self._labels = [label for label in labels if all(extents.voxels(label)[:2])]
        self._overlaps: dict[float, dict[int, SurfaceOverlap]] = {}

    @cached_property
    def spans(self) -> tuple[Spans, Spans]:
        """Both maps by their rows."""
        return Spans.both(self.maps)

    def overlap(self, label: int, tolerance_mm: float) -> SurfaceOverlap:
        """How the two surfaces of a label agree within a tolerance."""
        if label not in self._overlaps.get(tolerance_mm, {}):
            self._overlaps[tolerance_mm] = surface_overlaps(
                self.maps,
                self.extents,
                dict.fromkeys(self._labels, tolerance_mm),
                spacing_mm=self.spacing_mm,
            )
        return self._overlaps[tolerance_mm][label]


class LabelPair:
    """One label of a pass.

    Args:
        shared: the pass.
        label: one of its labels.
        spans: where the label is, if it stands for several values that are to be told apart.
    """

    def __init__(
        self, shared: Pass, label: int, *, spans: tuple[Spans, Spans] | None = None
    ) -> None:
        self._shared = shared
        if spans is not None:
            self.spans = spans
        self.label = label
        self._distances: dict[tuple[Boundary, bool], SurfaceDistances] = {}
        self._detected: dict[DetectionRules, Detected] = {}
        self.reference_voxels, self.prediction_voxels, self.shared_voxels = shared.extents.voxels(
            label
        )

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """In the axis order of the masks."""
        return self._shared.spacing_mm

    @property
    def is_3d(self) -> bool:
        """Whether a voxel has a volume."""
        return len(self.spacing_mm) == 3

    @property
    def image_voxels(self) -> int:
        """Of the whole map."""
        return math.prod(self._shared.maps.shape)

    @property
    def diagonal_mm(self) -> float:
        """Of the whole map: nothing is further apart."""
        lengths = zip(self._shared.maps.shape, self.spacing_mm, strict=True)
        return math.hypot(*(voxels * spacing for voxels, spacing in lengths))

    @property
    def overlap(self) -> Overlap:
        """What counts of voxels say."""
        return Overlap(
            reference=self.reference_voxels,
            prediction=self.prediction_voxels,
            shared=self.shared_voxels,
            image=self.image_voxels,
            voxel_mm3=self.voxel_mm,
        )

    @property
    def voxel_mm(self) -> float:
        """The volume of a voxel in mm³, of a pixel the area in mm²."""
        return math.prod(self.spacing_mm)

    @cached_property
    def masks(self) -> tuple[Mask, Mask]:
        """The label in the reference and in the prediction: bool, 2D or 3D, cut to their joint box.

        What lies outside is background, and shapes and distances are those of the whole maps.
        """
        return self._shared.maps.masks(self.label, self._shared.extents.box(self.label))

    def distances(self, boundary: Boundary = AREAS, *, in_voxels: bool = False) -> SurfaceDistances:
        """From each point of the reference's surface to the prediction's, and back.

        Args:
            boundary: what a surface is.
            in_voxels: count voxels, of whatever spacing, and not mm.
        """
        wanted = boundary, in_voxels
        if wanted not in self._distances:
            self._distances[wanted] = measure_distances(
                *self._framed_masks,
                spacing_mm=(1.0,) * len(self.spacing_mm) if in_voxels else self.spacing_mm,
                boundary=boundary,
            )
        return self._distances[wanted]

    @property
    def _framed_masks(self) -> tuple[Mask, Mask]:
        """The masks with a voxel around them where the image has one: its border is the image's."""
        shared = self._shared
        frame = tuple(
            slice(max(side.start - 1, 0), min(side.stop + 1, length))
            for side, length in zip(shared.extents.box(self.label), shared.maps.shape, strict=True)
        )
        return shared.maps.masks(self.label, frame)

    @cached_property
    def spans(self) -> tuple[Spans, Spans]:
        """The label in the reference and in the prediction, of the whole maps."""
        first, second = (spans.only([self.label]) for spans in self._shared.spans)
        return first, second

    def detected(self, rules: DetectionRules) -> Detected:
        """The label's objects, and which of them were found."""
        if rules not in self._detected:
            self._detected[rules] = detected(*self.spans, rules, voxel_mm3=self.voxel_mm)
        return self._detected[rules]

    def surface_overlap(self, tolerance_mm: float) -> SurfaceOverlap:
        """How the two surfaces agree within a tolerance."""
        return self._shared.overlap(self.label, tolerance_mm)


def region_pair(
    maps: LabelMaps,
    labels: Collection[int] | None,
    *,
    spacing_mm: tuple[float, ...],
    spans: tuple[Spans, Spans],
) -> LabelPair:
    """Several labels as one; as objects their values are still told apart.

    Args:
        maps: the reference and the prediction.
        labels: of the region; None for all but 0.
        spacing_mm: in the maps' axis order.
        spans: of both maps.
    """
    table = np.zeros(maps.value_bound, dtype=np.uint8)
    if labels is None:
        table[1:] = 1
    else:
        table[[label for label in labels if label < len(table)]] = 1
    as_one = maps.recoded(table)
    shared = Pass(as_one, LabelExtents.of(as_one), spacing_mm=spacing_mm, labels=[1])
    if labels is not None:
        spans = spans[0].only(labels), spans[1].only(labels)
    return LabelPair(shared, 1, spans=spans)
