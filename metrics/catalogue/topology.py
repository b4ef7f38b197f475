"""Metrics of vessels and other tubes: do their centrelines agree, and are they in one piece?"""

import math

from metrics.definition import EmptyRules, MetricDef, choice, number
from metrics.label_pair import LabelPair
from metrics.topology import betti_numbers, centreline_dice, harmonic_mean

_COMPUTED = EmptyRules(both="computed", reference="computed", prediction="computed")


def _cldice(pair: LabelPair, *, axes: str, empty_skeleton: float) -> float:
    reference, prediction = pair.masks
    if axes == "reversed":
        reference, prediction = reference.T, prediction.T
    shares = centreline_dice(reference, prediction)
    return harmonic_mean(*(empty_skeleton if math.isnan(share) else share for share in shares))


def _betti_error(pair: LabelPair, number: int) -> float:
    first, second = (betti_numbers(mask)[number] for mask in pair.masks)
    return float(abs(first - second))


DEFINITIONS = (
    MetricDef(
        name="cldice",
        title="clDice",
        long_title="centreline Dice",
        definition="The harmonic mean of the share of the prediction's skeleton in the reference"
        " and of the reference's in the prediction (Shit et al. 2021; skeletons of Lee 1994, whose"
        " choice among equal ones depends on the order of the `axes`).",
        direction="higher",
        worst=0.0,
        options={
            "axes": choice("axes", "array", "reversed"),
            "empty_skeleton": number("empty_skeleton", default=1.0, high=1.0),
        },
        compute=_cldice,
    ),
    MetricDef(
        name="betti0_error",
        title="Betti 0 error",
        long_title="difference of the numbers of pieces",
        definition="The difference of the numbers of pieces (which touch also at corners), without"
        " its sign.",
        direction="lower",
        worst=math.inf,
        unit="pieces",
        empty=_COMPUTED,
        compute=lambda pair: _betti_error(pair, 0),
    ),
    MetricDef(
        name="betti1_error",
        title="Betti 1 error",
        long_title="difference of the numbers of tunnels",
        definition="The difference of the numbers of tunnels (in 2D: holes), without its sign.",
        direction="lower",
        worst=math.inf,
        unit="tunnels",
        empty=_COMPUTED,
        compute=lambda pair: _betti_error(pair, 1),
    ),
)
