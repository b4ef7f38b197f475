"""A protocol in sentences: what a container gets, what is scored, what things cost, who wins.

A key has its words here, or is part of a line of its table; one without words is told by its name.
What a key says is told whether the file says it or leaves it out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import msgspec

from data_manifest.layouts import InputFile
from evaluate.facts.protocol_files import builtin_protocols
from evaluate.facts.ranking_rules import of_label
from evaluate.facts.rules import Rules, load_protocol
from evaluate.reporting.scoring_told import scoring_lines
from evaluate.reporting.told_values import shown

_Words: TypeAlias = str | tuple[str, str] | Mapping[object, str]
"""A sentence with the value in it; two, of a value and of none; or one for each choice."""


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

_WORDS: Mapping[str, _Words] = {
    "schema": "The file is of schema {}.",
    "name": "Its name is {}.",
    "version": "The rules are version {}.",
    "title": "{}",
    "description": "{}",
    "corrected": ("Recommended instead: {}.", ""),
    "prompts": ("Besides the image: {}.", "No prompts."),
    "container.entrypoint": {
        "command": "The image's own entry point is not started.",
        "image": "The image's own entry point is started.",
    },
    "container.command": ("It is called by: {}", "Without arguments: what the image says holds."),
    "container.inputs_writable": {
        True: "It may write into its copy of the inputs.",
        False: "The inputs can't be written.",
    },
    "container.model": ("A team's model folder is {}, read-only.", "No model folder."),
    "container.inputs": "The case lies in {}.",
    "container.outputs": "Its answer is looked for in {}.",
    "output.path": "A mask as {}.",
    "output.beside": ("Further files may lie there: {}.", "No further files."),
    "references.predictions": ("Predictions made elsewhere are named {}.", ""),
    "output.format": "Its format is {}.",
    "output.key": ("The array {} of it is the mask.", ""),
    "output.grid": {
        "must_match": "A mask with another spacing or other axes than the case's is bad output.",
        "reference": "Only the array counts, on the reference's grid; another shape is bad output.",
        "nearest": "A mask of another field of view is cut or filled up, voxel on nearest voxel.",
    },
    "output.one_hot": {
        "": "It is one map of labels.",
        "labels": "It has a map of 0 and 1 for each label.",
        "background_first": "It has a map of 0 and 1 for the background, then for each label.",
    },
    "output.fractions": {
        "refuse": "A mask with values that are no integers is bad output.",
        "cut": "Values that are no integers are cut: 2.75 is 2.",
        "up": "Values that are no integers are raised: 0.25 is 1.",
        "apart": "Values that are no integers are cut; what lies between 0 and 1 is a label apart.",
    },
    "references.path": ("References are the files {}.", ""),
    "references.fields": ("Of a case only the box that {} has of it is scored.", ""),
    "references.rounds": ("The mask of a round is looked for as {}.", ""),
    "references.one_hot": ("References hold a map a label ({}).", ""),
    "references.prompts": ("The text prompts of a case are in {}.", ""),
    "rounds.number": "Runs on each case: {}.",
    "rounds.prompts": {
        "stored": "Every run gets the case's stored prompts.",
        "list": "Run k gets what the case lists for its first k rounds.",
        "largest_error_click": "Each run after the first gets one more click a label, in the"
        " middle of its largest error.",
        "error_scribble": "Each run after the first gets one more of a hand's strokes a label, in"
        " its largest error on one slice.",
    },
    "rounds.strategies": "Such strokes are drawn by {}.",
    "rounds.previous": {
        True: "It gets its answer of the round before.",
        False: "It gets nothing of what it answered before.",
    },
    "rounds.first_needs": ("A case without {} begins with the second round.", ""),
    "rounds.after_failure": {
        "stop": "The rounds after a failed one fail alike.",
        "go_on": "After a failed round it goes on from the last answer that counted.",
    },
    "rounds.case_timeout_s": ("All rounds of a case may take {} s together.", ""),
    "rounds.label_timeout_s": ("All rounds may take {} s for each label of the case.", ""),
    "limits.timeout_s": "{} s for a run on a case, start-up included.",
    "limits.memory_mib": "{} MiB of memory, and no swap.",
    "limits.cpus": ("{} processors.", "All processors of the machine."),
    "limits.processes": "{} processes and threads.",
    "limits.open_files": "{} open files of one process.",
    "limits.scratch_mib": "{} MiB in /tmp, and in the home folder.",
    "limits.shm_mib": ("{} MiB of shared memory.", "Shared memory up to the memory limit."),
    "limits.output_mib": "{} MiB in the outputs folder.",
    "limits.output_files": "{} files in the outputs folder.",
    "limits.log_mib": "{} MiB of its messages are kept.",
    "limits.gpus": ("{} GPU.", "No GPU."),
    "measurement.profile_hz": ("Its use of the machine is sampled {} times a second.", ""),
    "submission.archive": ("An archive called {}.", "An archive of any name."),
    "submission.tag": ("The image in it is called {}.", ""),
    "submission.archive_mib": ("It has at most {} MiB.", ""),
    "submission.largest_case": ("The largest case expected is of shape {}.", ""),
    "reproduction.dsc": "Its mean DSC changes by no more than {},",
    "reproduction.nsd": "its mean NSD by no more than {},",
    "reproduction.wall_ratio": "its time by no more than a factor of {},",
    "reproduction.alpha": "each tested at level {}.",
    "ranking.rank_level": {
        "case": "Teams are ranked in every case.",
        "label": "Teams are ranked in every case, in each label or region.",
        "modality": "Teams are ranked once in each modality, by what is made of its cases.",
        "stratum": "Teams are ranked once in each stratum, by what is made of its cases.",
        "cohort": "Teams are ranked once, by what is made of all cases.",
    },
    "ranking.strata": ("A case's stratum, instead of its modality, is what {} finds.", ""),
    "ranking.equal": {
        "value": "Places are equal where mean ranks are.",
        "significance": "Places are equal where no permutation test parts a team from the best.",
    },
    "ranking.across_modalities": {
        "micro": "Every case weighs alike.",
        "macro": "Every modality, or stratum, weighs alike.",
    },
    "ranking.resample": {
        "case": "The bootstrap draws single cases.",
        "group": "The bootstrap draws groups of cases, such as patients.",
    },
    "ranking.ties": {
        "min": "Equal values share the best of their ranks.",
        "average": "Equal values share the average of their ranks.",
        "max": "Equal values share the worst of their ranks.",
    },
    "ranking.tie_breaks": ("Equal places are parted by {}.", "Equal places are shared."),
    "ranking.alpha": "Pairs of teams are tested at level {}.",
    "ranking.adjustment": {
        "holm": "P-values are adjusted for many pairs by Holm's method.",
        "bh": "P-values are adjusted for many pairs by Benjamini's and Hochberg's method.",
        "none": "P-values are not adjusted for many pairs.",
    },
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
    words = _WORDS.get(path, (f"{path} is {{}}.", ""))
    if isinstance(words, Mapping):
        yield path, words[value]
        return
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
