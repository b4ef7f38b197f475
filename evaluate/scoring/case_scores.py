"""One case: a reference and a prediction to numbers, by the protocol's conventions.

The conventions of the CVPR 2024 script (`evaluation/compute_metrics.py` of MedSAM's LiteMedSAM
branch) are settings here, so that `metrics` itself stays free of them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import metrics
from data_manifest.cases import Reference
from evaluate.facts.rules import Scoring
from metrics import METRICS

__all__ = ["CaseMeasures", "LabelMeasures", "score_case", "scored_labels"]

MAX_EXTRA_LABELS = 100
"""Labels that only the prediction has are listed largest first, up to this many a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMeasures:
    """One label; None where a value is undefined, or where the label is not scored."""

    label: int
    dsc: float | None
    nsd: float | None
    reference_voxels: int
    prediction_voxels: int
    further: Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMeasures:
    """A case's scores and those of its labels; None where a value is undefined."""

    dsc: float | None
    nsd: float | None
    further: Mapping[str, float | None]
    labels: tuple[LabelMeasures, ...]


def scored_labels(present: Sequence[int], scoring: Scoring) -> list[int]:
    """The labels that count towards the case's score, rising.

    Args:
        present: the labels that the reference has, rising.
        scoring: the protocol's conventions.
    """
    if scoring.labels == "one_to_maximum":
        return list(range(1, max(present, default=0) + 1))
    return list(present)


def _in_scoring_space(
    reference: Reference, prediction: npt.NDArray[np.integer], scoring: Scoring
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer], tuple[float, ...]]:
    """The two label maps and the spacing as the protocol measures them."""
    labels, spacing_mm = reference.labels, reference.spacing_mm
    if labels.ndim == 2 and (scoring.two_d_spacing == "unit" or spacing_mm is None):
        spacing_mm = (1.0, 1.0)
    if spacing_mm is None:
        raise ValueError("a 3D reference needs its spacing")
    if scoring.spacing_order == "stored":
        spacing_mm = spacing_mm[::-1]
    if labels.ndim == 2 and scoring.two_d == "slab":
        return labels[..., np.newaxis], prediction[..., np.newaxis], (*spacing_mm, 1.0)
    return labels, prediction, spacing_mm


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def score_case(
    reference: Reference, prediction: npt.NDArray[np.integer], scoring: Scoring
) -> CaseMeasures:
    """Score one case.

    Args:
        reference: integer labels, (H, W) or (D, H, W), with the spacing in that axis order.
        prediction: integer labels of the same shape.
        scoring: the protocol's conventions.

    Returns:
        The case's DSC and NSD (means over the scored labels), each label's, and the labels that
        only the prediction has, without a score.

    Raises:
        metrics.MetricInputError: the shapes differ.
    """
    a, b, spacing_mm = _in_scoring_space(reference, prediction, scoring)
    comparison = metrics.Comparison(a, b)
    labels = scored_labels(comparison.reference_labels, scoring)
    scores = comparison.scores(
        spacing_mm=spacing_mm,
        tolerance_mm=scoring.tolerance_mm,
        labels=labels,
        further=scoring.further,
        min_iou=scoring.lesion_iou,
    )
    # numpy's mean, as the script's: a plain sum differs in the last digit from nine labels on.
    dsc = float(np.mean([score.dsc for score in scores])) if scores else float("nan")
    nsd = float(np.mean([score.nsd for score in scores])) if scores else float("nan")
    gate = scoring.nsd_needs_dsc_above
    if gate is not None and not dsc > gate:
        nsd = 0.0  # also where the DSC is undefined: nan is above nothing
    measured = [
        LabelMeasures(
            label=score.label,
            dsc=_defined(score.dsc),
            nsd=_defined(score.nsd),
            reference_voxels=score.reference_voxels,
            prediction_voxels=score.prediction_voxels,
            further=_bounded(score.further, a.shape, spacing_mm),
        )
        for score in scores
    ]
    largest = sorted(comparison.surplus.items(), key=lambda item: (-item[1], item[0]))
    scored = set(labels)
    measured += [
        LabelMeasures(
            label=label,
            dsc=None,
            nsd=None,
            reference_voxels=0,
            prediction_voxels=voxels,
            further={},
        )
        for label, voxels in largest[:MAX_EXTRA_LABELS]
        if label not in scored
    ]
    further: dict[str, float | None] = {
        name: _mean([row.further.get(name) for row in measured]) for name in scoring.further
    }
    return CaseMeasures(
        dsc=_defined(dsc), nsd=_defined(nsd), further=further, labels=tuple(measured)
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """Over the labels that have a value."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def _bounded(
    values: Mapping[str, float], shape: tuple[int, ...], spacing_mm: tuple[float, ...]
) -> dict[str, float | None]:
    """Values as tables hold them: nothing is further away than the case's diagonal is long."""
    longest = _diagonal(shape, spacing_mm)
    return {
        name: min(value, longest)
        if METRICS[name].unit == "mm" and not np.isnan(value)
        else (float(value) if np.isfinite(value) else None)
        for name, value in values.items()
    }


def _diagonal(shape: tuple[int, ...], spacing_mm: tuple[float, ...]) -> float:
    return math.hypot(*(n * s for n, s in zip(shape, spacing_mm, strict=True)))


def further_of_empty_mask(reference: Reference, scoring: Scoring) -> dict[str, float]:
    """What a label costs that a failed case lacks: the further metrics of an empty mask."""
    labels, _, spacing_mm = _in_scoring_space(reference, reference.labels, scoring)
    longest = _diagonal(labels.shape, spacing_mm)
    special = {"volume_difference": 100.0, "hd": longest, "hd95": longest, "assd": longest}
    return {name: special.get(name, 0.0) for name in scoring.further}
