"""Metrics of structures whose parts are labels that touch each other, or are not there."""

from collections.abc import Callable

from metrics.definition import EmptyRules, MetricDef, MetricOption, OptionValue, number, words
from metrics.label_pair import LabelPair
from metrics.topology import GraphRules, is_flipped, is_same_topology, parts, variant

_GRAPH = {"graph": words("graph", parts)}
_TOPOLOGY: dict[str, MetricOption] = {
    "checked": words("checked", parts),
    "sides": words("sides", parts),
    "min_iou": number("min_iou", default=0.25, high=1.0),
}


def _rules(checked: str, sides: str, min_iou: float) -> GraphRules:
    return GraphRules(checked=parts(checked), sides=parts(sides), min_iou=min_iou)


def _match(pair: LabelPair, *, checked: str, sides: str, min_iou: float) -> float:
    return float(is_same_topology(*pair.spans, _rules(checked, sides, min_iou)))


def _flipped(pair: LabelPair, *, sides: str) -> float:
    return float(is_flipped(pair.spans[1], _rules("", sides, 1.0)))


def _metric(
    name: str,
    title: str,
    definition: str,
    compute: Callable[..., float],
    *,
    options: dict[str, MetricOption],
    unit: str = "",
    is_error: bool = False,
) -> MetricDef:
    return MetricDef(
        name=name,
        title=title,
        long_title=title.lower(),
        definition=definition,
        direction="lower" if is_error else "higher",
        worst=1.0 if is_error else 0.0,
        unit=unit,
        empty=EmptyRules(
            both="computed",
            reference="computed",
            prediction="computed",
            failed="computed" if unit else "worst",
        ),
        options=options,
        compute=compute,
    )


def _variant_of(side: int) -> Callable[..., float]:
    def compute(pair: LabelPair, *, graph: OptionValue) -> float:
        return float(variant(pair.spans[side], parts(str(graph))))

    return compute


DEFINITIONS = (
    _metric(
        "reference_variant",
        "Reference's variant",
        "Which parts of a `graph` the reference has, as digits: a label that is there, or two that"
        " touch: a fact of the case, and no score (TopCoW 2024).",
        _variant_of(0),
        options=_GRAPH,
        unit="digits",
    ),
    _metric(
        "prediction_variant",
        "Predicted variant",
        "The same of the prediction: a fact of the answer, and no score.",
        _variant_of(1),
        options=_GRAPH,
        unit="digits",
    ),
    _metric(
        "topology_match",
        "Topology match",
        "1 where each label that is `checked` is there with an IoU of at least `min_iou`, in as"
        " many pieces, and touches the same labels, or is in neither map, and left and right are"
        " not exchanged; else 0 (TopCoW 2024).",
        _match,
        options=_TOPOLOGY,
    ),
    _metric(
        "left_right_flipped",
        "Left and right exchanged",
        "1 where the prediction's left label lies right of the right one, by the medians along the"
        " last axis, of the first of the `sides` that has both; else 0.",
        _flipped,
        options={"sides": _TOPOLOGY["sides"]},
        is_error=True,
    ),
)
