"""Metrics of the distance between two surfaces (in 2D, contours)."""

import math
from collections.abc import Callable

from metrics.arguments import checked_tolerance
from metrics.boundaries import AREAS, Boundary
from metrics.definition import MetricDef, MetricOption, choice, flag, length
from metrics.distances import Reading, SurfaceDistances
from metrics.label_pair import LabelPair

_CONTOUR = {
    "contour": choice("contour", 6, 18, 26),
    "open_border": flag("open_border", default=False),
    "unit": choice("unit", "mm", "voxels"),
    "cap_mm": length("cap_mm", default=math.inf),
}
"""Which neighbours make a voxel one of the contour, whether those outside the image do, and how
distances are told: in mm, or in voxels of whatever spacing; no larger than `cap_mm`."""


def _measured(
    pair: LabelPair, surface: str, *, contour: int, open_border: bool, unit: str
) -> SurfaceDistances:
    boundary = Boundary(elements=surface, connectivity=contour, open_border=open_border)  # type: ignore[arg-type]
    if surface == "areas":
        boundary = AREAS
    return pair.distances(boundary, in_voxels=unit == "voxels")


def _hd95(
    pair: LabelPair, *, reading: Reading, cap_mm: float, contour: int, open_border: bool, unit: str
) -> float:
    surface = "areas" if reading == "directed" else "voxels"
    measured = _measured(pair, surface, contour=contour, open_border=open_border, unit=unit)
    return min(measured.percentile(95.0, reading), cap_mm)


def _distance(
    name: str,
    title: str,
    long_title: str,
    definition: str,
    read: Callable[[SurfaceDistances], float],
) -> MetricDef:
    def compute(
        pair: LabelPair, *, surface: str, cap_mm: float, contour: int, open_border: bool, unit: str
    ) -> float:
        measured = _measured(pair, surface, contour=contour, open_border=open_border, unit=unit)
        return min(read(measured), cap_mm)

    return MetricDef(
        name=name,
        title=title,
        long_title=long_title,
        definition=definition,
        direction="lower",
        worst="diagonal",
        unit="mm",
        options={"surface": choice("surface", "areas", "voxels")} | _CONTOUR,
        compute=compute,
    )


def _nsd(pair: LabelPair, *, tolerance_mm: float) -> float:
    return pair.surface_overlap(tolerance_mm).dice


DEFINITIONS = (
    MetricDef(
        name="nsd",
        title="NSD",
        long_title="normalised surface distance (surface Dice)",
        definition="The share of the area of both surfaces that lies within the tolerance of the"
        " other surface (Nikolov et al. 2021; as google-deepmind/surface-distance).",
        direction="higher",
        worst=0.0,
        options={"tolerance_mm": MetricOption(check=checked_tolerance, unit="mm")},
        compute=_nsd,
    ),
    _distance(
        "hd",
        "HD",
        "Hausdorff distance",
        "The greatest distance from a point of either mask's surface to the other mask's surface.",
        SurfaceDistances.hausdorff,
    ),
    MetricDef(
        name="hd95",
        title="HD95",
        long_title="95th percentile of the Hausdorff distance",
        definition="By `reading`: `directed`, the greater of the two directions' distances within"
        " which 95 % of the surface's area lies (google-deepmind/surface-distance, BraTS);"
        " `voxel`, the greater of the two directions' percentiles over the contours' voxels (MONAI,"
        " MetricsReloaded); `pooled`, the percentile over both contours together (medpy).",
        direction="lower",
        worst="diagonal",
        unit="mm",
        options={"reading": choice("reading", "directed", "voxel", "pooled")} | _CONTOUR,
        compute=_hd95,
    ),
    _distance(
        "assd",
        "ASSD",
        "average symmetric surface distance",
        "The mean distance to the other surface over both surfaces together: by `surface` over"
        " elements weighted by their area, or over the contours' voxels (medpy, LiTS).",
        SurfaceDistances.mean,
    ),
    _distance(
        "masd",
        "MASD",
        "mean average surface distance",
        "The mean of the two directions' mean distances, so that both surfaces weigh alike"
        " (Metrics Reloaded).",
        SurfaceDistances.mean_of_means,
    ),
    _distance(
        "rmsd",
        "RMSD",
        "root mean square surface distance",
        "The root of the mean squared distance over both surfaces together (LiTS).",
        SurfaceDistances.root_mean_square,
    ),
)
