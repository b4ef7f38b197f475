"""A protocol in sentences: what a container gets, what is scored, what things cost, who wins.

A key has its words in `told_words.toml`, or is part of a line of its table; one without words is
told by its name. What a key says is told whether the file says it or leaves it out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from data_manifest.layouts import InputFile
from evaluate.facts.protocol_files import builtin_protocols
from evaluate.facts.ranking_rules import of_label
from evaluate.facts.rules import Rules, load_protocol
from evaluate.reporting.scoring_told import CHOICES, SENTENCES, scoring_lines, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A sentence of an explanation."""

    heading: str
    key: str
    text: str


_HEADINGS: Mapping[str, str] = {
    "": "The challenge",
    "prompts": "What a container gets",
    "input": "What a container gets",
    "container": "What a container gets",
    "output": "What it is to leave",
    "references": "What it is to leave",
    "rounds": "Rounds",
    "limits": "Limits",
    "measurement": "Limits",
    "scoring": "What is scored",
    "ranking": "How places are made",
    "submission": "What a team hands in",
    "reproduction": "When a re-run is equivalent",
    "traps": "Traps of a published script that it repeats",
}


def rules_told(rules: Rules) -> list[Line]:
    """A whole protocol in sentences, in the order of the headings."""
    lines = list(_lines(rules))
    order = list(dict.fromkeys(_HEADINGS.values()))
    return sorted(lines, key=lambda line: order.index(line.heading))


def _lines(rules: Rules) -> Iterator[Line]:
    for name in rules.__struct_fields__:
        part = getattr(rules, name)
        heading = _HEADINGS.get(name, _HEADINGS[""])
        told: Iterable[tuple[str, str]]
        if name == "scoring":
            told = scoring_lines(part)
        elif name == "traps":
            told = ((f"traps, {n}. trap", trap) for n, trap in enumerate(part, start=1))
        elif name == "input":
            told = ((f"input.files, {file.path}", _file(file)) for file in part.files)
        elif name == "rounds" and part.number == 1:
            continue
        else:
            told = _simple(name, part)
        if name == "rounds" and part.prompts != "error_scribble":
            told = (pair for pair in told if pair[0] != "rounds.strategies")
        if name == "ranking":
            told = (*_ranked(rules), *told)
        yield from (Line(heading=heading, key=key, text=text) for key, text in told if text)


def _file(file: InputFile) -> str:
    """A file that a container gets, with whatever else its table says."""
    text = f"The {file.role} as {file.path}, in {file.format}"
    plain = InputFile(role=file.role, path=file.path, format=file.format)
    told = [
        f"{name} {shown(value)}"
        for name in file.__struct_fields__
        if (value := getattr(file, name)) != getattr(plain, name)
    ]
    return f"{'; '.join((text, *told))}."


def _simple(path: str, value: object) -> Iterator[tuple[str, str]]:
    """A key, or each key of a table, by its words."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            if f"{path}.{name}" != "ranking.metrics":
                yield from _simple(f"{path}.{name}", getattr(value, name))
        return
    if path in CHOICES:
        yield path, CHOICES[path][shown(value)]
        return
    words = SENTENCES.get(path, (f"{path} is {{}}.", ""))
    some, none = (words, words) if isinstance(words, str) else words
    empty = value is None or (value in ((), "", 0) and not isinstance(words, str))
    yield path, none if empty else some.replace("{}", shown(value).strip())


def _ranked(rules: Rules) -> Iterator[tuple[str, str]]:
    """What teams are ranked by, one line a metric."""
    for metric in rules.ranking.metrics:
        known = rules.scoring.definition(of_label(metric.name)[0])
        direction = metric.direction or (known.direction if known else "")
        text = f"By {metric.name}: {direction} is better, weight {shown(metric.weight)}"
        if rules.ranking.rank_level not in ("case", "label"):
            text += f"; the {metric.statistic} of the cases"
        text += f"; averaged and ranked first with the others of {metric.group}" * bool(
            metric.group
        )
        if metric.tolerance is not None:
            text += f"; what is better than {shown(metric.tolerance)} counts as that"
        yield f"ranking.metrics, {metric.name}", f"{text}."


def corrected_twin(rules: Rules) -> Rules | None:
    """The protocol that is recommended instead of one that repeats traps; None if there is none."""
    name = rules.corrected or f"{rules.name}-corrected"
    return load_protocol(name) if name in builtin_protocols() and name != rules.name else None


def changes(rules: Rules, twin: Rules) -> list[Line]:
    """What another protocol says otherwise, in addition, or (`Not`) no more."""
    about = _HEADINGS[""], _HEADINGS["traps"]
    here, there = (
        {line.key: line for line in rules_told(of) if line.heading not in about}
        for of in (rules, twin)
    )
    gone = [replace(line, text=f"Not: {line.text}") for k, line in here.items() if k not in there]
    return [*(line for key, line in there.items() if here.get(key) != line), *gone]
