"""Statistics of each metric over the cases of each modality."""

import math
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore, ModalityScore


def modality_scores(cases: Iterable[CaseScore]) -> list[ModalityScore]:
    """Summarise case scores by team and modality.

    A failed case is in every statistic with what a failure costs, and is counted. A case with an
    undefined value, or with an error of the harness, is left out: `n` says how many remain.
    Quantiles interpolate linearly (numpy's default, type 7).
    """
    cases = list(cases)
    metrics = list(dict.fromkeys(name for case in cases for name in case.values))
    groups: dict[tuple[str, str], list[CaseScore]] = defaultdict(list)
    for case in cases:
        if case.outcome is not Outcome.HARNESS_ERROR:
            groups[case.team, case.modality].append(case)
    return [
        _summary(team, modality, metric, members)
        for (team, modality), members in sorted(groups.items())
        for metric in metrics
    ]


def _summary(team: str, modality: str, metric: str, cases: list[CaseScore]) -> ModalityScore:
    values = np.array([v for case in cases if (v := case.value(metric)) is not None])
    n = len(values)
    ordered = sorted(values.tolist())
    return ModalityScore(
        team=team,
        modality=modality,
        metric=metric,
        n=n,
        failures=sum(case.outcome.is_failure for case in cases),
        mean=float(values.mean()) if n else None,
        sd=float(values.std(ddof=1)) if n > 1 else None,
        median=_quantile(ordered, 0.5),
        q25=_quantile(ordered, 0.25),
        q75=_quantile(ordered, 0.75),
    )


def _quantile(ordered: list[float], share: float) -> float | None:
    """As `np.quantile` has it, to the last digit; that one imports masked arrays, and is slower."""
    if not ordered:
        return None
    at = (len(ordered) - 1) * share
    low, high = ordered[math.floor(at)], ordered[math.ceil(at)]
    part = at - math.floor(at)
    return high - (high - low) * (1 - part) if part >= 0.5 else low + (high - low) * part
