"""One case: a reference and a prediction to numbers, by the protocol's conventions.

The conventions of the CVPR 2024 script (`evaluation/compute_metrics.py` of MedSAM's LiteMedSAM
branch) are settings here, so that `metrics` itself stays free of them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

import metrics
from data_manifest.cases import Reference
from data_manifest.layouts.text_prompts import TextPrompts
from evaluate.facts.metric_rules import Region, ScoredMetric
from evaluate.facts.scoring_rules import Scoring
from evaluate.scoring.parts import (
    LesionMeasures,
    Part,
    lesions_of,
    parts_of,
    scoring_of_case,
    unexpected_labels,
)

MAX_EXTRA_LABELS = 100
"""Labels that only the prediction has are listed largest first, up to this many a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMeasures:
    """A label or region; None where a value is undefined, or where it is not scored."""

    label: int | str
    values: Mapping[str, float | None]
    reference_voxels: int
    prediction_voxels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMeasures:
    """A case's scores and those of its labels; None where a value is undefined."""

    values: Mapping[str, float | None]
    labels: tuple[LabelMeasures, ...]
    lesions: tuple[LesionMeasures, ...] = ()


class _Scored:
    """A metric with all that the protocol says of it, looked up once."""

    def __init__(
        self,
        chosen: ScoredMetric,
        scoring: Scoring,
        shape: tuple[int, ...],
        spacing_mm: tuple[float, ...],
    ) -> None:
        self.chosen, self.name = chosen, chosen.name
        self._definition = chosen.definition
        regions: dict[str | None, Region | None] = {r.name: r for r in scoring.regions}
        self._rules = {name: chosen.rules_of(r) for name, r in (regions | {None: None}).items()}
        if scoring.labels != ():
            regions |= {None: None}  # else a setting may be each region's own
        self._settings = {name: chosen.settings_of(region) for name, region in regions.items()}
        units = {settings.get("unit") for settings in self._settings.values()}
        sides = spacing_mm if units != {"voxels"} else (1.0,) * len(shape)
        self._diagonal = math.hypot(*(n * s for n, s in zip(shape, sides, strict=True)))

    def value(self, part: Part) -> metrics.Rule:
        """Of a label or region: a number, `skip` or `undefined`."""
        rule = self.rules(part).of(part.pair)
        return self._computed(part) if rule is None else self.ruled(rule)

    def cost(self, part: Part) -> metrics.Rule:
        """What a failed case costs at a label or region, whose prediction is empty."""
        rule = self.rules(part).failed
        return self._computed(part) if rule == "computed" else self.ruled(rule)

    def _computed(self, part: Part) -> metrics.Rule:
        settings = self._settings[part.region.name if part.region else None]
        value = self._definition.computed(part.pair, **settings)
        if self._definition.worst == "diagonal" and math.isinf(value):
            value = self._diagonal  # nothing is further away, but for a penalty that was declared
        return value if math.isfinite(value) else "skip"

    def rules(self, part: Part | None = None) -> metrics.EmptyRules:
        """For empty masks; of the case as a whole without a part."""
        return self._rules[part.region.name if part and part.region else None]

    @property
    def case_rule(self) -> metrics.Rule | None:
        """For a case without any label; None where its labels' rules say it."""
        return self.chosen.empty.case

    def ruled(self, rule: metrics.Rule) -> metrics.Rule:
        """The number of a rule, or what it says instead."""
        if rule == "undefined":
            return rule
        value = self._definition.ruled(rule, diagonal_mm=self._diagonal)
        return value if math.isfinite(value) else "skip"

    def passes(self, values: Mapping[str, float | None]) -> bool:
        """Whether the gate, if there is one, lets the value stand."""
        gate = self.chosen.gate
        return gate is None or gate.holds(values.get(gate.metric))


def _in_scoring_space(
    reference: Reference, scoring: Scoring
) -> tuple[npt.NDArray[np.integer], tuple[float, ...]]:
    """The reference's labels and spacing as the protocol measures them."""
    labels, spacing_mm = reference.labels, reference.spacing_mm
    if labels.ndim == 2 and (scoring.two_d_spacing == "unit" or spacing_mm is None):
        spacing_mm = (1.0, 1.0)
    if spacing_mm is None:
        raise ValueError("a 3D reference needs its spacing")
    if scoring.spacing_order == "stored":
        spacing_mm = spacing_mm[::-1]
    if labels.ndim == 2 and scoring.two_d == "slab":
        return labels[..., np.newaxis], (*spacing_mm, 1.0)
    return labels, spacing_mm


class PreparedCase:
    """A case's reference, ready for many predictions: what it says alone is found once.

    Args:
        reference: labels are integers, (H, W) or (D, H, W), spacings in that axis order; they do
            not change while this lives.
        scoring: of the protocol.
        asked: what the case's text prompts ask for.
    """

    def __init__(
        self, reference: Reference, scoring: Scoring, asked: TextPrompts | None = None
    ) -> None:
        self._scoring = scoring_of_case(scoring, reference.labels, asked)
        self._labels, self._spacing_mm = _in_scoring_space(reference, self._scoring)
        self._slab = self._labels.ndim != reference.labels.ndim
        self._prepared = metrics.PreparedReference(self._labels, copied=False)
        sides = self._labels.shape, self._spacing_mm
        self._scored = [_Scored(m, self._scoring, *sides) for m in self._scoring.metrics]

    def _parts(self, prediction: npt.NDArray[np.integer]) -> tuple[metrics.Comparison, list[Part]]:
        comparison = metrics.Comparison(self._prepared, prediction, copied=False)
        parts = parts_of(
            comparison, self._labels, prediction, self._scoring, spacing_mm=self._spacing_mm
        )
        return comparison, parts

    def measures(self, prediction: npt.NDArray[np.integer]) -> CaseMeasures:
        """Score a prediction.

        Returns:
            The case's values (means over the scored labels), each label's, and the labels that only
            the prediction has, with a value where the protocol scores them.

        Raises:
            metrics.MetricInputError: the shapes differ.
        """
        scoring, scored = self._scoring, self._scored
        comparison, parts = self._parts(prediction[..., np.newaxis] if self._slab else prediction)
        strange = unexpected_labels(comparison, scoring)
        if strange and scoring.unexpected == "worst":
            by_part = [{m.name: m.ruled("worst") for m in scored} for _ in parts]
        else:
            by_part = [_values(part, scored) for part in parts]
        values = {m.name: _mean(_counted(m.name, parts, by_part)) for m in scored}
        if not parts and scoring.labels != "one_to_maximum":
            # A healthy case: the rules hold for the masks as a whole.
            whole = Part(name="", pair=comparison.region(spacing_mm=self._spacing_mm))
            values = {m.name: _number(m.value(whole)) for m in scored}
        if not (comparison.reference_labels or comparison.prediction_labels):
            values |= {
                m.name: _number(m.ruled(rule)) for m in scored if (rule := m.case_rule) is not None
            }
        gated = [m for m in scored if m.chosen.gate and m.chosen.gate.level == "case"]
        for m in gated:
            if not m.passes(values):
                values[m.name] = _number(m.ruled("worst"))
        listed = _listed(comparison)
        measured = [
            _row(part, row)
            for part, row in zip(parts, by_part, strict=True)
            if part.pair.reference_voxels
            or part.pair.label in listed
            or part.region
            or scoring.labels != "union"
        ]
        known = {part.pair.label for part in parts if part.region is None}
        measured += [
            LabelMeasures(label=label, values={}, reference_voxels=0, prediction_voxels=voxels)
            for label, voxels in listed.items()
            if label not in known and (not scoring.regions or label in strange)
        ]
        lesions = lesions_of(parts, scoring)
        return CaseMeasures(values=values, labels=tuple(measured), lesions=lesions)

    @cached_property
    def costs_of_failure(self) -> CaseMeasures:
        """What a failed case costs, and each label that it was to find."""
        comparison, parts = self._parts(np.zeros_like(self._labels))
        by_part = [{m.name: m.cost(p) for m in self._scored if p.has(m.name)} for p in parts]
        costs = {m.name: _cost(_counted(m.name, parts, by_part)) for m in self._scored}
        if not parts:
            whole = Part(name="", pair=comparison.region(spacing_mm=self._spacing_mm))
            costs = {m.name: _number(m.cost(whole)) for m in self._scored}
        rows = tuple(_row(part, row) for part, row in zip(parts, by_part, strict=True))
        lesions = lesions_of(parts, self._scoring)
        return CaseMeasures(values=costs, labels=rows, lesions=lesions)


def _values(part: Part, scored: Sequence[_Scored]) -> dict[str, metrics.Rule]:
    """Every metric of a label or region that it is scored by, gates applied."""
    values = {m.name: m.value(part) for m in scored if part.has(m.name)}
    numbers = {name: _number(value) for name, value in values.items()}
    for m in scored:
        gate = m.chosen.gate
        if gate and gate.level == "label" and m.name in values and numbers[gate.metric] is not None:
            values[m.name] = values[m.name] if m.passes(numbers) else m.ruled("worst")
    return values


def _counted(
    name: str, parts: Sequence[Part], by_part: Sequence[Mapping[str, metrics.Rule]]
) -> list[metrics.Rule]:
    """The values of a metric that the case's mean is over."""
    return [
        row[name]
        for part, row in zip(parts, by_part, strict=True)
        if name in row and part.counts(name)
    ]


def _row(part: Part, values: Mapping[str, metrics.Rule]) -> LabelMeasures:
    return LabelMeasures(
        label=part.name,
        values={name: _number(value) for name, value in values.items()},
        reference_voxels=part.pair.reference_voxels,
        prediction_voxels=part.pair.prediction_voxels,
    )


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


def _cost(values: Sequence[metrics.Rule]) -> float | None:
    """Of labels that cost the same each, which no mean may round."""
    return _number(values[0]) if len(set(values)) == 1 else _mean(values)


def _number(value: metrics.Rule) -> float | None:
    return value if isinstance(value, float) else None
