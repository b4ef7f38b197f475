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
from evaluate.facts.scoring_rules import ScoredMetric, Scoring
from metrics import LabelPair

__all__ = ["CaseMeasures", "LabelMeasures", "costs_of_failure", "score_case"]

MAX_EXTRA_LABELS = 100
"""Labels that only the prediction has are listed largest first, up to this many a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMeasures:
    """One label; None where a value is undefined, or where the label is not scored."""

    label: int
    values: Mapping[str, float | None]
    reference_voxels: int
    prediction_voxels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMeasures:
    """A case's scores and those of its labels; None where a value is undefined."""

    values: Mapping[str, float | None]
    labels: tuple[LabelMeasures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """A metric with all that the protocol says of it, looked up once."""

    chosen: ScoredMetric
    definition: metrics.MetricDef
    rules: metrics.EmptyRules
    settings: Mapping[str, metrics.OptionValue]

    @classmethod
    def of(cls, chosen: ScoredMetric) -> "_Scored":
        definition = chosen.definition
        settings = definition.checked(chosen.options)
        return cls(chosen=chosen, definition=definition, rules=chosen.rules, settings=settings)

    def value(self, pair: LabelPair, diagonal_mm: float) -> metrics.Rule:
        """Of one label: a number, `skip` or `undefined`."""
        rule = self.rules.of(pair)
        if rule is not None:
            return self.ruled(rule, diagonal_mm)
        value = self.definition.value(pair, **self.settings)
        if self.definition.worst == "diagonal" and not math.isnan(value):
            value = min(value, diagonal_mm)  # nothing is further away
        return value if math.isfinite(value) else "skip"

    def ruled(self, rule: metrics.Rule, diagonal_mm: float) -> metrics.Rule:
        if rule == "undefined":
            return rule
        value = self.definition.ruled(rule, diagonal_mm=diagonal_mm)
        return value if math.isfinite(value) else "skip"


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


def _scored_labels(comparison: metrics.Comparison, scoring: Scoring) -> list[int]:
    """The labels that count towards the case's score, rising."""
    present = comparison.reference_labels
    if scoring.labels == "one_to_maximum":
        return list(range(1, max(present, default=0) + 1))
    if scoring.labels == "union":
        return sorted({*present, *comparison.surplus})
    return present


def score_case(
    reference: Reference, prediction: npt.NDArray[np.integer], scoring: Scoring
) -> CaseMeasures:
    """Score one case.

    Args:
        reference: integer labels, (H, W) or (D, H, W), with the spacing in that axis order.
        prediction: integer labels of the same shape.
        scoring: the protocol's conventions.

    Returns:
        The case's values (means over the scored labels), each label's, and the labels that only the
        prediction has, with a value where the protocol scores them.

    Raises:
        metrics.MetricInputError: the shapes differ.
    """
    a, b, spacing_mm = _in_scoring_space(reference, prediction, scoring)
    comparison = metrics.Comparison(a, b)
    longest = _diagonal(a.shape, spacing_mm)
    pairs = comparison.pairs(_scored_labels(comparison, scoring), spacing_mm=spacing_mm)
    found: dict[str, list[metrics.Rule]] = {}
    values: dict[str, float | None] = {}
    chosen = [_Scored.of(metric) for metric in scoring.metrics]
    for metric in chosen:
        name = metric.chosen.name
        found[name] = [metric.value(pair, longest) for pair in pairs]
        if not pairs and scoring.labels != "one_to_maximum":
            # A healthy case: the rules hold for the masks as a whole.
            rule = metric.rules.reference if comparison.surplus else metric.rules.both
            found[name] = [metric.ruled(rule, longest)]
        values[name] = _mean(found[name])
    for metric in chosen:
        gate = metric.chosen.gate
        if gate is not None:
            other = values[gate.metric]
            if other is None or not other > gate.above:
                values[metric.chosen.name] = _number(metric.ruled("worst", longest))
    listed = _listed(comparison)
    measured = [
        LabelMeasures(
            label=pair.label,
            values={name: _number(column[index]) for name, column in found.items()},
            reference_voxels=pair.reference_voxels,
            prediction_voxels=pair.prediction_voxels,
        )
        for index, pair in enumerate(pairs)
        if pair.reference_voxels or pair.label in listed or scoring.labels != "union"
    ]
    scored = {pair.label for pair in pairs}
    measured += [
        LabelMeasures(label=label, values={}, reference_voxels=0, prediction_voxels=voxels)
        for label, voxels in listed.items()
        if label not in scored
    ]
    return CaseMeasures(values=values, labels=tuple(measured))


def _listed(comparison: metrics.Comparison) -> dict[int, int]:
    """The labels that only the prediction has, largest first, as many as a table lists."""
    largest = sorted(comparison.surplus.items(), key=lambda item: (-item[1], item[0]))
    return dict(largest[:MAX_EXTRA_LABELS])


def _mean(values: Sequence[metrics.Rule]) -> float | None:
    """Over the labels that count, as numpy does it: a plain sum may differ in the last digit."""
    if "undefined" in values:
        return None
    counted = [value for value in values if isinstance(value, float)]
    return float(np.mean(counted)) if counted else None


def _number(value: metrics.Rule) -> float | None:
    return value if isinstance(value, float) else None


def _diagonal(shape: tuple[int, ...], spacing_mm: tuple[float, ...]) -> float:
    return math.hypot(*(n * s for n, s in zip(shape, spacing_mm, strict=True)))


def costs_of_failure(reference: Reference, scoring: Scoring) -> CaseMeasures:
    """What a failed case costs, and each label that it was to find.

    Args:
        reference: of the case.
        scoring: the protocol's conventions.
    """
    labels, _, spacing_mm = _in_scoring_space(reference, reference.labels, scoring)
    comparison = metrics.Comparison(labels, labels)
    longest = _diagonal(labels.shape, spacing_mm)
    chosen = [_Scored.of(metric) for metric in scoring.metrics]
    costs = {m.chosen.name: _number(m.ruled(m.rules.failed, longest)) for m in chosen}
    return CaseMeasures(
        values=costs,
        labels=tuple(
            LabelMeasures(
                label=label,
                values=costs,
                reference_voxels=comparison.reference_voxels(label),
                prediction_voxels=0,
            )
            for label in _scored_labels(comparison, scoring)
        ),
    )
