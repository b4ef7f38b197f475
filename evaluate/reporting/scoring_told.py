"""What a protocol scores, and what things cost, in sentences."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from evaluate.facts.metric_rules import EmptyChoice, Region, ScoredMetric
from evaluate.facts.scoring_rules import Cohort, OverRounds, Scoring


class _Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sentences: dict[str, str | tuple[str, str]]
    choices: dict[str, dict[str, str]]


_WORDS = msgspec.toml.decode(Path(__file__).with_name("told_words.toml").read_bytes(), type=_Words)
SENTENCES, CHOICES = _WORDS.sentences, _WORDS.choices


def shown(value: object) -> str:
    """A value in words: no digit is lost."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, dict):
        return joined([f"{key} {shown(part)}" for key, part in value.items()])
    if isinstance(value, tuple | list):
        return joined([shown(part) for part in value])
    return str(value)


def joined(words: list[str]) -> str:
    """Words with commas.

    >>> joined(["a", "b", "c"]), joined([])
    ('a, b and c', 'none')
    """
    if len(words) < 2:
        return "".join(words) or "none"
    return f"{', '.join(words[:-1])} and {words[-1]}"


def rule_shown(rule: float | str) -> str:
    """What counts for an empty mask."""
    return CHOICES["rule"][rule] if isinstance(rule, str) else shown(float(rule))


_Told = tuple[str, str]


def scoring_lines(scoring: Scoring) -> Iterator[_Told]:
    """Every key of `[scoring]`, with its words."""
    labels = scoring.labels
    words = (
        CHOICES["scoring.labels"][labels]
        if isinstance(labels, str)
        else f"The labels {shown(labels)}."
    )
    yield "scoring.labels", words if labels else ""
    names = [f"{number} {name}" for number, name in scoring.label_names.items()]
    yield "scoring.label_names", f"Labels are called: {joined(names)}." if names else ""
    for region in scoring.regions:
        yield f"scoring.regions, {region.name}", _region(region, scoring)
    yield (
        "scoring.unexpected",
        CHOICES["scoring.unexpected"][scoring.unexpected] if scoring.known_labels else "",
    )
    for name in ("spacing_order", "two_d", "two_d_spacing"):
        yield f"scoring.{name}", CHOICES[f"scoring.{name}"][getattr(scoring, name)]
    yield "scoring", "A case's value is the mean over its labels and regions that have one."
    for metric in scoring.metrics:
        yield from _metric(metric)
    listed = f"Single objects are listed by the settings of {scoring.lesions}."
    yield "scoring.lesions", listed if scoring.lesions else ""
    for reduced in scoring.over_rounds:
        yield f"scoring.over_rounds, {reduced.name}", _over_rounds(reduced)
    for number, cohort in enumerate(scoring.cohort, start=1):
        yield f"scoring.cohort, {cohort.metric}, {number}.", _cohort(cohort)


def _metric(metric: ScoredMetric) -> Iterator[_Told]:
    where, known = f"scoring.metrics, {metric.name}", metric.definition
    unit = f", in {known.unit}" if known.unit else ""
    text = f"{metric.name}: {known.definition} {known.direction.capitalize()} is better{unit}."
    yield where, f"{text} {CHOICES['cases'][metric.cases]}".rstrip()
    settings = {n: metric.options.get(n, option.default) for n, option in known.options.items()}
    told = [
        f"{name} {shown(value)} {known.options[name].unit}".rstrip()
        for name, value in settings.items()
        if value is not None  # a region says it
    ]
    yield f"{where}, settings", f"{metric.name} with {joined(told)}." if told else ""
    rules = metric.rules
    costs = [
        f"{words}: {rule_shown(rule)}"
        for place, words in CHOICES["empty"].items()
        if (rule := getattr(rules, place, metric.empty.case)) is not None
    ]
    yield f"{where}, costs", f"{metric.name} where {'; '.join(costs)}."
    if gate := metric.gate:
        yield (
            f"{where}, gate",
            f"{metric.name} is the worst value where {gate.metric} is {gate.unmet}.",
        )


def _region(region: Region, scoring: Scoring) -> str:
    labels = region.labels
    words = {"any": "all labels", "whole": "all labels without fractions"}
    text = words[labels] if isinstance(labels, str) else f"label {shown(labels)}"
    parts = [f"{region.name}: {text}"]
    parts.append(f"by {joined(list(region.metrics or scoring.names))}")
    if CHOICES["window"][region.window]:
        parts.append(CHOICES["window"][region.window])
    if region.needs:
        parts.append(f"empty in a prediction without label {shown(region.needs)}")
    for name, options in region.options.items():
        parts.append(f"{name} with {shown(options)}")
    for name, choice in region.empty.items():
        parts += [f"{name} where {cost}" for cost in _choices(choice)]
    counts = {True: "in the case's values", False: "not in the case's values"}
    mean = region.in_case_mean
    parts.append(counts[mean] if isinstance(mean, bool) else f"in the case's {shown(mean)}")
    return f"{'; '.join(parts)}."


def _choices(choice: EmptyChoice) -> Iterator[str]:
    for where, words in CHOICES["empty"].items():
        rule = getattr(choice, where)
        if rule is not None:
            yield f"{words}: {rule_shown(rule)}"


def _over_rounds(reduced: OverRounds) -> str:
    last = f", of the last {reduced.last}" if reduced.last else ""
    how = CHOICES["reduction"][reduced.reduction]
    return f"{reduced.name}: {how} of {reduced.metric}{last}."


def _cohort(cohort: Cohort) -> str:
    whose = {"cases": "the cases' values", "labels": "each label's values"}[cohort.over]
    text = f"{cohort.metric} over cases: {shown(cohort.statistics)} of {whose}"
    text += f", for {shown(cohort.labels)}" if cohort.labels else ""
    if cohort.cases == "answered":
        text += "; a case without a valid answer is left out"
    else:
        text += "; a failed case counts with its price"
    if cohort.joined is not None:
        spread = "mean and spread" if cohort.joined_spread else "mean"
        text += f"; the {spread} over these labels as {cohort.joined}"
    if cohort.groups is not None:
        text += f"; also averaged over the data sets that {cohort.groups} finds in a case's name"
    return f"{text}."
