"""Single objects of a case, for a protocol that wants a table of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluate.facts.scoring_rules import Scoring
from evaluate.scoring.parts import Part
from metrics.catalogue.objects import rules_of
from metrics.object_rows import object_rows


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
