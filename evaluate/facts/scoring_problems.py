"""What contradicts itself in the rules of scoring."""

import re
from collections.abc import Iterator

from data_manifest.errors import Finding
from evaluate.facts.aggregates import VARIANTS, summed_columns
from evaluate.facts.metric_rules import MEASURED, NOT_FOR_METRICS, ScoredMetric
from evaluate.facts.misspelled import most_like
from evaluate.facts.scoring_rules import Cohort, Scoring


def scoring_problems(scoring: Scoring) -> Iterator[Finding]:
    """What is wrong with the rules of scoring, one finding each; `where` is the key."""
    names = scoring.names
    if not names or len(set(names)) < len(names):
        yield _wrong("scoring.metrics", f"{list(names)}", "at least one metric, each name once")
    for metric in scoring.metrics:
        yield from _metric_problems(metric, scoring)
    if not any(metric.known is None for metric in scoring.metrics):
        yield from _over_rounds_problems(scoring)
        yield from _region_problems(scoring)
    for cohort in scoring.cohort:
        yield from _cohort_problems(scoring, cohort)


def _wrong(where: str, found: str, expected: str, mend: str = "") -> Finding:
    return Finding(where=where, found=found, expected=expected, mend=mend)


def _metric_problems(metric: ScoredMetric, scoring: Scoring) -> Iterator[Finding]:
    from metrics import METRICS

    where, base = f"scoring.metrics, {metric.name}", metric.metric or metric.name
    if metric.known is None:
        names = [name for name in METRICS if name not in MEASURED]
        fault, expected = f"metric {base}, by which no mask is scored", f"one of {', '.join(names)}"
        foreign = "install the package that has it here, if it is another package's"
        yield _wrong(where, fault, expected, most_like(base, names) or foreign)
        return
    if metric.name in METRICS and metric.name != base:
        yield _wrong(where, f"{base} under the name of another metric", "a name of its own")
    if metric.name in NOT_FOR_METRICS:
        yield _wrong(where, "the name of another column of the tables", "a name of its own")
    for region in [*scoring.regions] if scoring.labels == () else [None, *scoring.regions]:
        of = f" of region {region.name}" if region else ""
        own = region.options.get(metric.name, {}) if region else metric.options
        keys = () if region else ScoredMetric.__struct_fields__
        meant = (most_like(key, [*metric.known.options, *keys]) for key in own)
        unknown = [key for key in own if key not in metric.known.options]
        try:
            metric.settings_of(region)
        except ValueError as error:
            advice = next((m for key, m in zip(own, meant, strict=True) if key in unknown), "")
            yield _wrong(f"{where}{of}", str(error), "the metric's own options", advice)
            if not region:
                return
    gate = metric.gate
    if gate is None:
        return
    if gate.metric not in set(scoring.names) - {metric.name}:
        expected = "another metric that this protocol computes"
        yield _wrong(f"{where}, gate.metric", gate.metric, expected)
    if (gate.above is None) == (gate.at_least is None):
        yield _wrong(f"{where}, gate", "both `above` and `at_least`, or neither", "one of the two")


def _over_rounds_problems(scoring: Scoring) -> Iterator[Finding]:
    if not scoring.over_rounds:  # for the commonest answer, other packages need not be looked for
        return
    from metrics import METRICS

    taken = {*METRICS, *NOT_FOR_METRICS, *scoring.names}
    for reduced in scoring.over_rounds:
        if reduced.metric not in scoring.names or reduced.name in taken:
            fault = f"{reduced.name}, of {reduced.metric}"
            expected = "a name of its own, of a metric that is computed"
            yield _wrong("scoring.over_rounds", fault, expected)
        taken.add(reduced.name)


def _region_problems(scoring: Scoring) -> Iterator[Finding]:
    """What is wrong with labels, names and regions."""
    of_objects = [m.name for m in scoring.metrics if "neighbours" in m.definition.options]
    if scoring.lesions is not None and scoring.lesions not in of_objects:
        expected = f"a metric of objects among scoring.metrics: {', '.join(of_objects) or 'none'}"
        yield _wrong("scoring.lesions", scoring.lesions, expected)
    if scoring.labels == () and not scoring.regions:
        yield _wrong("scoring.labels", "an empty list, and no region", "something to score")
    numbers = [name for name in scoring.label_names if not (name.isdecimal() and int(name) > 0)]
    if numbers:
        yield _wrong("scoring.label_names", f"{numbers}", "labels' numbers as keys")
    taken = [*(region.name for region in scoring.regions), *scoring.label_names.values()]
    if len(set(taken)) < len(taken):
        where = "scoring.regions and scoring.label_names"
        yield _wrong(where, f"{taken}", "each name once")
    for region in scoring.regions:
        where = f"scoring.regions, {region.name}"
        if not region.labels:
            yield _wrong(where, "no label", 'the labels that make it up, or "any"')
        in_mean = () if isinstance(region.in_case_mean, bool) else region.in_case_mean
        named = {*region.options, *region.empty, *(region.metrics or ()), *in_mean}
        for unknown in sorted(named - set(scoring.names)):
            meant = most_like(unknown, scoring.names)
            yield _wrong(where, f"metric {unknown}", f"of {', '.join(scoring.names)}", meant)


def _cohort_problems(scoring: Scoring, cohort: Cohort) -> Iterator[Finding]:
    where = f"scoring.cohort, {cohort.metric}"
    of_sums = [s for s in cohort.statistics if s in ("aggregated", "balanced_accuracy")]
    if cohort.metric not in scoring.names and len(of_sums) < len(cohort.statistics):
        fault, expected = "a metric that is not computed", f"one of {', '.join(scoring.names)}"
        yield _wrong(where, fault, expected, most_like(cohort.metric, scoring.names))
    if of_sums:
        summed = summed_columns(cohort.metric)
        missing = [name for name in summed if name not in scoring.names]
        if not summed or (cohort.metric in VARIANTS) != (of_sums == ["balanced_accuracy"]):
            expected = "a Dice, or a metric of objects; of a `variant` its `balanced_accuracy`"
            yield _wrong(where, f"no way to {' and '.join(of_sums)}", expected)
        elif missing:
            yield _wrong(where, f"no {', '.join(missing)} to sum", "these among scoring.metrics")
    if "global" in cohort.statistics and (cohort.metric != "dsc" or cohort.over == "cases"):
        yield _wrong(where, "`global`", "of dsc, over labels")
    try:
        re.compile(cohort.groups or "")
    except re.error as error:
        fault = f"{cohort.groups!r}: {error}"
        yield _wrong(f"{where}, groups", fault, "a regular expression")
