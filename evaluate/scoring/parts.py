"""What a case is scored by: its labels, and the regions that a protocol makes of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

import metrics
from data_manifest.layouts.labels import FRACTION
from data_manifest.layouts.text_prompts import TextPrompts
from evaluate.facts.metric_rules import Region
from evaluate.facts.scoring_rules import Scoring
from metrics import LabelPair
from metrics.catalogue.objects import rules_of
from metrics.detection import object_rows
from metrics.windows import reference_slices


def scoring_of_case(
    scoring: Scoring, reference: npt.NDArray[np.integer], asked: TextPrompts | None
) -> Scoring:
    """The metrics, labels and regions that are meant for a case.

    Returns:
        The same without prompts. Else labels are a list, and metrics those of the case's kind; no
        metric where nothing is to be scored, so that no value is defined.
    """
    if not scoring.needs_prompts:
        return scoring
    if asked is None:
        raise ValueError("this scoring needs the case's text prompts")
    kind = "instance" if asked.is_instance else "semantic"
    chosen = tuple(metric for metric in scoring.metrics if metric.cases in ("all", kind))
    names = {metric.name for metric in chosen}
    regions = tuple(
        region for region in scoring.regions if region.metrics is None or names & {*region.metrics}
    )
    labels = scoring.labels
    if labels in ("prompted", "prompted_above_lowest"):
        left_out = int(reference.min()) if labels == "prompted_above_lowest" else 0
        present = {*np.flatnonzero(np.bincount(reference.ravel())).tolist()} - {left_out}
        labels = () if asked.is_instance else tuple(n for n in asked.labels if n in present)
    metrics = chosen if labels or regions else ()
    return msgspec.structs.replace(scoring, metrics=metrics, regions=regions, labels=labels)


LabelMap: TypeAlias = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A label or a region of a case.

    Attributes:
        name: what stands in the column `label`.
        pair: of both maps.
        region: its own rules; None for a label.
    """

    name: int | str
    pair: LabelPair
    region: Region | None = None

    def has(self, metric: str) -> bool:
        """Whether it is scored by a metric."""
        chosen = None if self.region is None else self.region.metrics
        return chosen is None or metric in chosen

    def counts(self, metric: str) -> bool:
        """Whether it counts in the case's value of a metric."""
        chosen = True if self.region is None else self.region.in_case_mean
        return chosen if isinstance(chosen, bool) else metric in chosen


def parts_of(
    comparison: metrics.Comparison,
    reference: LabelMap,
    prediction: LabelMap,
    scoring: Scoring,
    *,
    spacing_mm: tuple[float, ...],
) -> list[Part]:
    """Labels, rising, and then the regions in the protocol's order.

    Both label maps are as the protocol measures them, the spacing in their axis order.
    """
    labels = comparison.pairs(_scored_labels(comparison, scoring), spacing_mm=spacing_mm)
    names = scoring.label_names
    parts = [Part(name=names.get(str(pair.label), pair.label), pair=pair) for pair in labels]
    return parts + [
        Part(
            name=region.name,
            pair=_region(region, comparison, reference, prediction, spacing_mm=spacing_mm),
            region=region,
        )
        for region in scoring.regions
    ]


def unexpected_labels(comparison: metrics.Comparison, scoring: Scoring) -> list[int]:
    """Labels of the prediction that the protocol does not know, rising; none where it knows all."""
    known = scoring.known_labels
    return [] if known is None else sorted(set(comparison.prediction_labels) - known)


def _scored_labels(comparison: metrics.Comparison, scoring: Scoring) -> list[int]:
    present = comparison.reference_labels
    match scoring.labels:
        case "one_to_maximum":
            return list(range(1, max(present, default=0) + 1))
        case "union":
            return sorted({*present, *comparison.surplus})
        case "reference":
            return present
        case "prompted" | "prompted_above_lowest":
            raise ValueError("which labels a case's prompts name was not looked up")
        case listed:
            return list(listed)


def _region(
    region: Region,
    comparison: metrics.Comparison,
    reference: LabelMap,
    prediction: LabelMap,
    *,
    spacing_mm: tuple[float, ...],
) -> LabelPair:
    labels = _labels_of(region, comparison)
    if region.window != "whole" or region.needs:
        truth, answer = _part_of_maps(region, labels, reference, prediction)
        comparison = metrics.Comparison(truth, answer, copied=False)
    if labels is not None and len(labels) == 1:
        return comparison.pairs(labels, spacing_mm=spacing_mm)[0]
    return comparison.region(labels, spacing_mm=spacing_mm)


def _labels_of(region: Region, comparison: metrics.Comparison) -> tuple[int, ...] | None:
    """Of a region; None for all but background."""
    match region.labels:
        case "any":
            return None
        case "whole":
            present = {*comparison.reference_labels, *comparison.prediction_labels}
            return tuple(sorted(present - {FRACTION}))
        case listed:
            return listed


def _part_of_maps(
    region: Region, labels: tuple[int, ...] | None, reference: LabelMap, prediction: LabelMap
) -> tuple[LabelMap, LabelMap]:
    """What a region looks at, where it is not all that there is."""
    if region.needs and not np.isin(prediction, region.needs).any():
        prediction = np.zeros_like(prediction)
    if region.window == "whole":
        return reference, prediction
    truth, answer = (
        label_map > 0 if labels is None else np.isin(label_map, labels)
        for label_map in (reference, prediction)
    )
    window = None
    if truth.any() and answer.any():
        inclusive = region.window == "reference_slices"
        window = reference_slices(truth, axis=0, inclusive=inclusive)
    if window is None:
        return reference, prediction
    return np.ascontiguousarray(reference[window]), np.ascontiguousarray(prediction[window])


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionMeasures:
    """One object; see `LesionScore`."""

    label: int | str
    side: str
    lesion: int
    found: str
    volume_ml: float | None
    partners: int
    dsc: float
    hd95_mm: float | None


def lesions_of(parts: Sequence[Part], scoring: Scoring) -> tuple[LesionMeasures, ...]:
    """The objects of every label and region that the protocol's metric of objects scores."""
    metric = scoring.metric(scoring.lesions or "")
    if metric is None:
        return ()
    rows = []
    for part in parts:
        if not part.has(metric.name):
            continue
        options = metric.settings_of(part.region)
        if "matching" not in metric.definition.options:  # lesion-wise means
            options |= {"matching": "dilated"}
        objects = part.pair.detected(rules_of(options))
        rows += [
            LesionMeasures(
                label=part.name,
                side=row.side,
                lesion=row.number,
                found=row.outcome,
                volume_ml=_finite(row.volume_ml),
                partners=len(row.partners),
                dsc=row.dsc,
                hd95_mm=_finite(row.hd95_mm),
            )
            for row in object_rows(objects, spacing_mm=part.pair.spacing_mm)
        ]
    return tuple(rows)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
