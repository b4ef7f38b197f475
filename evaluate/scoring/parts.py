"""What a case is scored by: its labels, and the regions that a protocol makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

import metrics
from evaluate.facts.scoring_rules import Region, Scoring
from metrics import LabelPair
from metrics.windows import reference_slices

__all__ = ["Part", "parts_of", "unexpected_labels"]

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

    @property
    def in_case_mean(self) -> bool:
        """Whether it counts in the case's values."""
        return self.region is None or self.region.in_case_mean


def parts_of(
    comparison: metrics.Comparison,
    reference: LabelMap,
    prediction: LabelMap,
    scoring: Scoring,
    *,
    spacing_mm: tuple[float, ...],
) -> list[Part]:
    """Labels, rising, and then the regions in the protocol's order.

    Args:
        comparison: of the two maps.
        reference: its label map, as the protocol measures it.
        prediction: the same.
        scoring: the protocol's conventions.
        spacing_mm: in the maps' axis order.
    """
    labels = comparison.pairs(_scored_labels(comparison, scoring), spacing_mm=spacing_mm)
    names = scoring.label_names
    parts = [Part(name=names.get(str(pair.label), pair.label), pair=pair) for pair in labels]
    whole = [region for region in scoring.regions if region.window == "whole" and not region.needs]
    found: dict[str, LabelPair] = {}
    for group in _disjoint(whole):
        maps = (_mapped(label_map, group) for label_map in (reference, prediction))
        pairs = metrics.Comparison(*maps).pairs(range(1, len(group) + 1), spacing_mm=spacing_mm)
        found |= {region.name: pair for region, pair in zip(group, pairs, strict=True)}
    for region in scoring.regions:
        if region.name not in found:
            found[region.name] = _by_itself(region, reference, prediction, spacing_mm)
    return parts + [Part(name=r.name, pair=found[r.name], region=r) for r in scoring.regions]


def unexpected_labels(comparison: metrics.Comparison, scoring: Scoring) -> list[int]:
    """Labels of the prediction that the protocol does not know, rising; none where it knows all."""
    if isinstance(scoring.labels, str) and not scoring.regions:
        return []
    listed = () if isinstance(scoring.labels, str) else scoring.labels
    known = {*listed, *(int(label) for label in scoring.label_names)}
    for region in scoring.regions:
        known |= set(region.labels) if region.labels != "any" else {1}
    return sorted(set(comparison.prediction_labels) - known)


def _scored_labels(comparison: metrics.Comparison, scoring: Scoring) -> list[int]:
    present = comparison.reference_labels
    match scoring.labels:
        case "one_to_maximum":
            return list(range(1, max(present, default=0) + 1))
        case "union":
            return sorted({*present, *comparison.surplus})
        case "reference":
            return present
        case listed:
            return list(listed)


def _disjoint(regions: Sequence[Region]) -> list[list[Region]]:
    """Regions that share no label can be measured together."""
    groups: list[list[Region]] = []
    for region in regions:
        for group in groups:
            if len(group) < 255 and not any(_overlap(region, other) for other in group):
                group.append(region)
                break
        else:
            groups.append([region])
    return groups


def _overlap(one: Region, other: Region) -> bool:
    return "any" in (one.labels, other.labels) or bool(set(one.labels) & set(other.labels))


def _mapped(label_map: LabelMap, group: Sequence[Region]) -> npt.NDArray[np.uint8]:
    """A map in which the group's regions are numbered from 1."""
    table = np.zeros(max(int(label_map.max(initial=0)), 1) + 1, dtype=np.uint8)
    for number, region in enumerate(group, start=1):
        if region.labels == "any":
            table[1:] = number
        else:
            table[[label for label in region.labels if int(label) < len(table)]] = number
    mapped: npt.NDArray[np.uint8] = table[label_map]
    return mapped


def _by_itself(
    region: Region, reference: LabelMap, prediction: LabelMap, spacing_mm: tuple[float, ...]
) -> LabelPair:
    """A region that looks at a part of the maps, or not at the prediction at all."""
    truth, answer = _mapped(reference, [region]), _mapped(prediction, [region])
    if region.needs and not np.isin(prediction, region.needs).any():
        answer[:] = 0
    if region.window != "whole" and truth.any() and answer.any():
        inclusive = region.window == "reference_slices"
        window = reference_slices(truth.astype(np.bool_), axis=0, inclusive=inclusive)
        if window is not None:
            truth, answer = (np.ascontiguousarray(part[window]) for part in (truth, answer))
    return metrics.Comparison(truth, answer).pairs([1], spacing_mm=spacing_mm)[0]
