"""How the numbers came about: run.json and the protocol as lists of facts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from statistics import median

import msgspec

from data_manifest.errors import printable
from evaluate.documents.run import Calibration, SubmissionEntry
from evaluate.reporting.data_tables import DataColumn, DataTable
from evaluate.reporting.methods_text import (
    aggregation_text,
    data_text,
    metrics_text,
    missing_text,
    software_text,
    statistics_text,
    ties_text,
)
from evaluate.reporting.quantities import DASH, clipped, count_of
from evaluate.reporting.run_sources import Sources
from evaluate.reporting.words import metric_title

_UNITS = {"s": "s", "mib": "MiB", "mm": "mm", "bytes": "bytes"}
_CAPITALS = {"sha256": "SHA-256", "cpu": "CPU", "cpus": "CPUs", "os": "system", "python": "Python"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A name and its value; `is_code` for digests."""

    name: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FactGroup:
    """Facts under one heading."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionShown:
    """What a team handed in."""

    team: str
    kind: str
    reference: str
    digest: str
    details: tuple[Fact, ...]
    problem: str


def submissions(sources: Sources) -> list[SubmissionShown]:
    """Every submission in the ranking's order, with the digest that identifies it."""
    known = {entry.team: entry for entry in sources.document.submissions}
    shown = []
    for team in sources.teams:
        entry = known.get(team, SubmissionEntry(team=team, reference=""))
        shown.append(
            SubmissionShown(
                team=team,
                kind=_value(entry.kind),
                # A path of the organiser's machine is nobody's business: its last part says enough.
                reference=printable(PurePath(entry.reference).name) or DASH,
                digest=_value(entry.digest),
                details=_facts(_filled(entry.details)),
                problem=printable(entry.problem),
            )
        )
    return shown


def fact_groups(sources: Sources) -> list[FactGroup]:
    """Run, limits, sandbox, timing, host and versions."""
    document = sources.document
    run = {
        "segjudge": document.segjudge,
        "started": _moment(document.created_at),
        "finished": _moment(document.finished_at),
        "seed": document.seed,
        "protocol": f"{sources.protocol.name} {sources.protocol.version}",
        "protocol sha256": sources.protocol.digest(),
        "data": document.manifest.name,
        "manifest sha256": document.manifest.sha256,
        "cases": document.manifest.cases,
    }
    groups: dict[str, Mapping[str, object]] = {
        "Run": run,
        "Limits of a case": msgspec.to_builtins(sources.protocol.limits),
    }
    for number, (key, machine) in enumerate(document.machines.items(), start=1):
        which = f" {number}" if len(document.machines) > 1 else ""
        groups[f"Sandbox{which}"] = machine.sandbox.engine
        if key in document.calibration:
            groups[f"Fairness of the times{which}"] = _steadiness(document.calibration[key])
        named = {"name": machine.name} if machine.name else {}
        groups[f"Machine{which}"] = named | msgspec.to_builtins(machine.host)
        lock = {"lock": machine.lock} if machine.lock else {}
        groups[f"Versions{which}"] = lock | dict(machine.versions)
    return [FactGroup(title=t, facts=_facts(values)) for t, values in groups.items() if values]


def _steadiness(calibration: Calibration) -> dict[str, object]:
    return {
        "drift": f"{calibration.drift * 100:.1f} %",
        "limit": f"{calibration.limit * 100:.1f} %",
        "parallel": calibration.parallel,
        "fair": calibration.fair,
        "samples": len(calibration.samples),
        "other programs, CPUs at most": max(calibration.others_cpus, default="not recorded"),
        "throttled by heat": calibration.times_throttled if calibration.throttled else "not said",
        "load, median s": round(median(calibration.samples), 4),
    }


def protocol_text(sources: Sources) -> str:
    """The whole protocol as JSON, as it is in run.json."""
    return json.dumps(sources.protocol.to_json(), indent=2, ensure_ascii=False)


def _facts(values: Mapping[str, object], prefix: str = "") -> tuple[Fact, ...]:
    """Nested values as one flat list, names joined."""
    facts: list[Fact] = []
    for key, value in values.items():
        name = prefix + _readable(printable(str(key)))
        if isinstance(value, dict) and value:
            facts += _facts(value, f"{name} · ")
        else:
            facts.append(Fact(name=name, value=_value(value), is_code=_is_digest(value)))
    return tuple(facts)


def _filled(details: Mapping[str, object]) -> dict[str, object]:
    """Without what says nothing: an image's empty user, entry point or volumes."""
    return {key: value for key, value in details.items() if value not in ("", "[]", [], {}, None)}


def _moment(text: object) -> object:
    """An ISO time in UTC as it is read aloud.

    >>> _moment("2025-03-01T12:00:00+00:00")
    '2025-03-01 12:00:00 UTC'
    """
    if not isinstance(text, str):
        return text
    return text.replace("T", " ").replace("+00:00", " UTC").replace("Z", " UTC")


def _readable(key: str) -> str:
    """A key of a file as a reader expects it: the unit apart, abbreviations in capitals.

    >>> _readable("peak_memory_mib"), _readable("manifest sha256")
    ('peak memory (MiB)', 'manifest SHA-256')
    """
    words = key.replace("_", " ").split(" ")
    if len(words) > 1 and words[-1] in _UNITS:
        words[-1] = f"({_UNITS[words[-1]]})"
    return " ".join(_CAPITALS.get(word, word) for word in words)


def _value(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and value >= 100_000:
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_value, value)) or "none"
    return printable(str(value)) or DASH


def _is_digest(value: object) -> bool:
    text = str(value).rpartition(":")[2]
    return len(text) >= 32 and set(text) <= set("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item; `answer` is empty where only the organiser can give it."""

    guideline: str
    asks: str
    answer: str


def checklist(sources: Sources) -> tuple[Item, ...]:
    """All items, those of BIAS first."""
    bias = {
        "Challenge name and task": sources.protocol.title,
        "Organisers, conflicts of interest, funding": "",
        "Participation, award and publication policies": "",
        "How algorithms were submitted": _submitted(sources),
        "Source of the data, acquisition, and ethics": _sources_of_data(sources),
        "Number of test cases, and why so many": data_text(sources),
        "Training cases, and how they differ from the test cases": "",
        "Who annotated the reference, by what instructions, and how well they agree": "",
        "Metrics": metrics_text(sources),
        "Why these metrics suit the clinical aim": "",
        "Ranking: aggregation": aggregation_text(sources),
        "Ranking: ties": ties_text(sources),
        "Ranking: missing results": missing_text(sources),
        "Statistical analyses": statistics_text(sources),
        "Software": software_text(sources),
    }
    reloaded = {
        "Problem category": "Semantic segmentation of each prompted target.",
        "Overlap-based metric": "DSC, for each label of a case.",
        "Boundary-based metric and its tolerance": _tolerance(sources),
        "Why this tolerance (such as the agreement of annotators)": "",
        "Aggregation over labels, cases and groups": aggregation_text(sources),
        "Missing results in the aggregation": missing_text(sources),
        "Uncertainty of the ranking": statistics_text(sources),
        "Values of each case are published": "case_scores.csv and label_scores.csv of the run.",
    }
    return tuple(
        Item(guideline=guideline, asks=asks, answer=answer)
        for guideline, items in (("BIAS", bias), ("Metrics Reloaded", reloaded))
        for asks, answer in items.items()
    )


def checklist_table(items: tuple[Item, ...]) -> DataTable:
    """The checklist for the files beside the page."""
    return DataTable(
        name="checklist",
        title="Reporting checklist",
        columns=tuple(DataColumn(head=head) for head in ("Guideline", "Item", "Answer")),
        rows=tuple(
            (item.guideline, item.asks, item.answer or "to be filled in by the organiser")
            for item in items
        ),
    )


def _submitted(sources: Sources) -> str:
    kinds = [clipped(submission.kind, 30) for submission in submissions(sources)]
    counted = ", ".join(f"{kinds.count(kind)} as {kind}" for kind in sorted(set(kinds)))
    return f"{count_of(len(kinds), 'submission')}, each fixed by its digest: {counted}."


def _sources_of_data(sources: Sources) -> str:
    cases = sources.manifest_cases.values()
    sources_and_licences = sorted({(case.source, case.licence) for case in cases})
    if not sources_and_licences:
        return ""
    if len(sources_and_licences) > 12:
        return f"{len(sources_and_licences)} sources, named with their licences in manifest.json."
    return (
        "; ".join(
            f"{clipped(source, 120)} ({clipped(licence, 40)})"
            for source, licence in sources_and_licences
        )
        + "."
    )


def _tolerance(sources: Sources) -> str:
    tolerances = [
        f"{metric_title(metric)} with a tolerance of {tolerance:g} mm."
        for metric in sources.protocol.scoring.metrics
        if (tolerance := metric.options.get("tolerance_mm")) is not None
    ]
    return " ".join(tolerances) or "No metric has a tolerance."
