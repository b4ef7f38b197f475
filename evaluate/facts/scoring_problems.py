"""What contradicts itself in the rules of scoring: the key, what was found, what is expected."""

import re

from evaluate.facts.scoring_rules import MEASURED, NOT_FOR_METRICS, Cohort, Scoring

__all__ = ["OF_PAIRS", "aggregated_as", "scoring_problem"]


def scoring_problem(scoring: Scoring) -> tuple[str, str, str] | None:
    """What is wrong with the metrics, if anything is: the key, what was found, what is expected."""
    from metrics import METRICS

    names = scoring.names
    if not names or len(set(names)) < len(names):
        return "scoring.metrics", f"{list(names)}", "at least one metric, each name once"
    for metric in scoring.metrics:
        where, base = f"scoring.metrics, {metric.name}", metric.metric or metric.name
        if base in MEASURED or base not in METRICS:
            known = ", ".join(name for name in METRICS if name not in MEASURED)
            return where, f"metric {base}, by which no mask is scored", f"one of {known}"
        if metric.name in METRICS and metric.name != base:
            return where, f"{base} under the name of another metric", "a name of its own"
        if metric.name in NOT_FOR_METRICS:
            return where, "the name of another column of the tables", "a name of its own"
        regions = [*scoring.regions] if scoring.labels == () else [None, *scoring.regions]
        for region in regions:
            try:
                metric.settings_of(region)
            except ValueError as error:
                of = f" of region {region.name}" if region else ""
                return f"{where}{of}", str(error), "the metric's own options"
        if metric.gate is not None and metric.gate.metric not in set(names) - {metric.name}:
            expected = "another metric that this protocol computes"
            return f"{where}, gate.metric", metric.gate.metric, expected
        gate = metric.gate
        if gate is not None and (gate.above is None) == (gate.at_least is None):
            return f"{where}, gate", "both `above` and `at_least`, or neither", "one of the two"
    return _over_rounds_problem(scoring, {*METRICS, *NOT_FOR_METRICS}) or _region_problem(scoring)


def _over_rounds_problem(scoring: Scoring, taken: set[str]) -> tuple[str, str, str] | None:
    """What is wrong with columns over rounds, if anything is."""
    taken = taken | set(scoring.names)
    for reduced in scoring.over_rounds:
        if reduced.metric not in scoring.names or reduced.name in taken:
            fault = f"{reduced.name}, of {reduced.metric}"
            return "scoring.over_rounds", fault, "a name of its own, of a metric that is computed"
        taken.add(reduced.name)
    return None


def _region_problem(scoring: Scoring) -> tuple[str, str, str] | None:
    """What is wrong with labels, names and regions, if anything is."""
    of_objects = [m.name for m in scoring.metrics if "neighbours" in m.definition.options]
    if scoring.lesions is not None and scoring.lesions not in of_objects:
        expected = f"a metric of objects among scoring.metrics: {', '.join(of_objects) or 'none'}"
        return "scoring.lesions", scoring.lesions, expected
    if scoring.labels == () and not scoring.regions:
        return "scoring.labels", "an empty list, and no region", "something to score"
    numbers = [name for name in scoring.label_names if not (name.isdecimal() and int(name) > 0)]
    if numbers:
        return "scoring.label_names", f"{numbers}", "labels' numbers as keys"
    listed = [region.name for region in scoring.regions]
    taken = [*listed, *scoring.label_names.values()]
    if len(set(taken)) < len(taken):
        return "scoring.regions and scoring.label_names", f"{taken}", "each name once"
    for region in scoring.regions:
        where = f"scoring.regions, {region.name}"
        if not region.labels:
            return where, "no label", 'the labels that make it up, or "any"'
        in_mean = () if isinstance(region.in_case_mean, bool) else region.in_case_mean
        named = {*region.options, *region.empty, *(region.metrics or ()), *in_mean}
        if named - set(scoring.names):
            unknown = ", ".join(sorted(named - set(scoring.names)))
            return where, f"metric {unknown}", f"of {', '.join(scoring.names)}"
    return next(filter(None, (_cohort_problem(scoring, cohort) for cohort in scoring.cohort)), None)


OF_PAIRS = tuple(
    f"lesion_matched_{metric}"
    for metric in ("dsc", "iou", "relative_volume_difference", "assd", "rmsd", "hd")
)
"""Metrics of matched pairs, which are aggregated over the pairs of all cases."""

_SUMMED = {
    "dsc": ("intersection_volume_ml", "reference_volume_ml", "prediction_volume_ml"),
    **dict.fromkeys(
        ("lesion_f1", "lesion_precision", "lesion_sensitivity"),
        ("lesion_tp", "lesion_fp", "lesion_fn"),
    ),
    "panoptic_quality": ("lesion_tp", "lesion_fp", "lesion_fn", "lesion_iou_sum"),
    **{name: ("lesion_pairs", name) for name in OF_PAIRS},
}
"""Which columns an aggregated metric is made of."""


def aggregated_as(name: str) -> tuple[str, str]:
    """What a metric is aggregated as, and the ending that it and its columns have besides.

    `lesion_precision_any` is a precision, made of `lesion_tp_any` and its like.
    """
    for base in sorted(_SUMMED, key=len, reverse=True):
        if name == base or name.startswith(f"{base}_"):
            return base, name.removeprefix(base)
    return "", ""


def _cohort_problem(scoring: Scoring, cohort: Cohort) -> tuple[str, str, str] | None:
    where = f"scoring.cohort, {cohort.metric}"
    if cohort.metric not in scoring.names and cohort.statistics != ("aggregated",):
        return where, "a metric that is not computed", f"one of {', '.join(scoring.names)}"
    if "aggregated" in cohort.statistics:
        base, ending = aggregated_as(cohort.metric)
        if not base:
            return where, "no way to aggregate it", f"one of {', '.join(_SUMMED)}"
        summed = [f"{name}{ending}" for name in _SUMMED[base]]
        missing = [name for name in summed if name not in scoring.names]
        if missing:
            return where, f"no {', '.join(missing)} to sum", "these among scoring.metrics"
    if "global" in cohort.statistics and (cohort.metric != "dsc" or cohort.over == "cases"):
        return where, "`global`", "of dsc, over labels"
    try:
        re.compile(cohort.groups or "")
    except re.error as error:
        return f"{where}, groups", f"{cohort.groups!r}: {error}", "a regular expression"
    return None
