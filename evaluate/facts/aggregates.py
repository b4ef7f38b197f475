"""Metrics of counts and volumes that are summed over cases first: what they are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

OF_PAIRS = tuple(
    f"lesion_matched_{metric}"
    for metric in ("dsc", "iou", "relative_volume_difference", "assd", "rmsd", "hd")
)
"""Metrics of matched pairs, which are aggregated over the pairs of all cases."""


VARIANTS: Mapping[str, tuple[str, ...]] = {
    "variant": ("reference_variant", "prediction_variant"),
    "topology": ("reference_variant", "prediction_variant", "topology_match"),
}
"""What the balanced accuracy of variants is made of, over cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SumRatio:
    """One sum over another, each of columns with their factors."""

    above: Mapping[str, float]
    below: Mapping[str, float]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, each once."""
        return tuple(dict.fromkeys((*self.above, *self.below)))

    def ending(self, ending: str) -> "SumRatio":
        """The same of columns whose names end so besides."""
        named = ({f"{n}{ending}": f for n, f in p.items()} for p in (self.above, self.below))
        above, below = named
        return SumRatio(above=above, below=below)

    def of(self, sums: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """The value of sums, nan where nothing is below."""
        above, below = (
            sum((factor * sums[name] for name, factor in part.items()), np.float64(0))
            for part in (self.above, self.below)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            value: npt.NDArray[np.float64] = np.where(below == 0, np.nan, above / below)
        return value


_TP, _FP, _FN = "lesion_tp", "lesion_fp", "lesion_fn"
_RATIOS: Mapping[str, SumRatio] = {
    "dsc": SumRatio(
        above={"intersection_volume_ml": 2},
        below={"reference_volume_ml": 1, "prediction_volume_ml": 1},
    ),
    "lesion_f1": SumRatio(above={_TP: 2}, below={_TP: 2, _FP: 1, _FN: 1}),
    "lesion_precision": SumRatio(above={_TP: 1}, below={_TP: 1, _FP: 1}),
    "lesion_sensitivity": SumRatio(above={_TP: 1}, below={_TP: 1, _FN: 1}),
    "panoptic_quality": SumRatio(above={"lesion_iou_sum": 1}, below={_TP: 1, _FP: 0.5, _FN: 0.5}),
}


def _base_of(name: str, known: Sequence[str]) -> tuple[str, str]:
    for base in sorted(known, key=len, reverse=True):
        if name == base or name.startswith(f"{base}_"):
            return base, name.removeprefix(base)
    return "", ""


def aggregate_of(name: str) -> SumRatio | None:
    """How a metric is aggregated; None if it is not, or over pairs.

    `lesion_precision_any` is a precision, made of `lesion_tp_any` and its like.

    >>> aggregate_of("lesion_precision_any").columns
    ('lesion_tp_any', 'lesion_fp_any')
    """
    base, ending = _base_of(name, (*_RATIOS, *OF_PAIRS))
    return _RATIOS[base].ending(ending) if base in _RATIOS else None


def summed_columns(name: str) -> tuple[str, ...]:
    """The columns that an aggregated metric needs; none if there is no way to aggregate it."""
    if name in VARIANTS:
        return VARIANTS[name]
    ratio = aggregate_of(name)
    if ratio is not None:
        return ratio.columns
    base, ending = _base_of(name, OF_PAIRS)
    return (f"lesion_pairs{ending}", name) if base else ()
