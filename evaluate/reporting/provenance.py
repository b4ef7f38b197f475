"""How the numbers came about: run.json and the protocol as lists of facts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from statistics import median

import msgspec

from data_manifest.errors import printable
from evaluate.documents.run_parts import Calibration, SubmissionEntry
from evaluate.reporting.quantities import DASH
from evaluate.reporting.run_sources import Sources

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
