"""Metrics of the distance between two surfaces (in 2D, contours)."""

from metrics.arguments import checked_tolerance
from metrics.definition import MetricDef, MetricOption
from metrics.label_pair import LabelPair

__all__ = ["DEFINITIONS"]


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
    MetricDef(
        name="hd",
        title="HD",
        long_title="Hausdorff distance",
        definition="The greatest distance from a surface element of either mask to the other mask's"
        " surface.",
        direction="lower",
        worst="diagonal",
        unit="mm",
        compute=lambda pair: pair.distances().hausdorff(),
    ),
    MetricDef(
        name="hd95",
        title="HD95",
        long_title="95th percentile of the Hausdorff distance",
        definition="The greater of the two directions' distances within which 95 % of the surface's"
        " area lies (as google-deepmind/surface-distance and BraTS; not that of MONAI, nor that of"
        " medpy).",
        direction="lower",
        worst="diagonal",
        unit="mm",
        compute=lambda pair: pair.distances().percentile(95.0, "directed"),
    ),
    MetricDef(
        name="assd",
        title="ASSD",
        long_title="average symmetric surface distance",
        definition="The mean distance to the other surface over the area of both surfaces (elements"
        " weighted by their area; not over rim voxels, as medpy and MONAI).",
        direction="lower",
        worst="diagonal",
        unit="mm",
        compute=lambda pair: pair.distances().mean(),
    ),
)
