"""audit.json: what an audit found, team by team and place by place, and what it looked at."""

from enum import StrEnum
from typing import Literal

import msgspec

from data_manifest.findings import Cell, Finding, Severity
from evaluate.documents.audited_reruns import AuditPart, RerunPart
from evaluate.facts.machine import Host


class Cause(StrEnum):
    """Why something is not as the run left it."""

    MASK = "mask changed"
    REFERENCE = "reference changed"
    INPUTS = "inputs changed"
    LOG = "log changed"
    PROFILE = "profile changed"
    PROTOCOL = "protocol changed"
    METRIC = "another version of the metric"
    TABLE = "edited table"
    TABLE_OR_METRIC = "edited table, or another version of the metric"
    REMOVED_FAILURE = "removed failure"
    REMOVED_ROW = "removed row"
    ADDED_ROW = "added row"
    SWAPPED = "swapped teams"
    MANIFEST = "manifest changed"
    REORDERED = "reordered"
    IMAGE = "image replaced"
    FACTS = "edited run.json"
    JOURNAL = "edited journal"
    STALE = "made from something else"
    UNFINISHED = "no result"
    NO_EVIDENCE = "no evidence"
    BUNDLE = "bundle changed"
    KEY = "signed by another key"


class AuditedFile(AuditPart, frozen=True, kw_only=True):
    """One thing that is not as the run left it: a finding, in the words of audit.json.

    Attributes:
        cause: why.
        where: the file, or the table and its cell.
        recorded: what the run recorded.
        found: what is there now, or what the same computation gives now.
        teams: whose results it touches; empty for all.
        cases: which cases it touches; empty for all.
        cells: the cells of the tables that it explains.
        is_harmless: whether it changes no result.
    """

    cause: Cause
    where: str
    recorded: str
    found: str
    teams: tuple[str, ...]
    cases: tuple[str, ...]
    cells: tuple[Cell, ...]
    is_harmless: bool


def audited(finding: Finding) -> AuditedFile:
    """A finding of an audit as the document holds it."""
    return AuditedFile(
        cause=Cause(finding.code),
        where=finding.where,
        recorded=finding.expected,
        found=finding.found,
        teams=finding.teams,
        cases=finding.cases,
        cells=finding.cells,
        is_harmless=finding.severity is not Severity.PROBLEM,
    )


class VerdictKind(StrEnum):
    """What an audit says of a team."""

    HOLDS = "holds"
    OPEN = "open"
    REPRODUCED = "reproduced bit for bit"
    EQUIVALENT = "equivalent"
    DIFFERS = "differs"
    NOT_RUN = "could not be run"
    UNSTABLE = "never the same twice"


class Verdict(AuditPart, frozen=True, kw_only=True):
    """What the audit says of a team.

    Attributes:
        team: its name.
        verdict: in one word or a few.
        words: with the facts behind it.
        is_open: whether someone has to explain something.
    """

    team: str
    verdict: VerdictKind
    words: str
    is_open: bool


class PlaceBounds(AuditPart, frozen=True, kw_only=True):
    """A team's place, and between which places it must lie.

    Attributes:
        team: its name.
        place: by the results that are believed; None where they are not complete.
        best: by the best that the unresolved results can turn out to be.
        worst: by the worst of it.
        stands: whether the two are the same.
        depends_on: the teams with unresolved results.
    """

    team: str
    place: float | None
    best: float
    worst: float
    stands: bool
    depends_on: tuple[str, ...]


class Environment(AuditPart, frozen=True, kw_only=True, omit_defaults=True):
    """Where a stage was done.

    Attributes:
        at: when, UTC, ISO 8601; not in the audit's own.
        host: the computer.
        versions: of segjudge and its libraries.
        sandbox: what it says of itself, where containers ran, with the seconds of the load.
    """

    at: str = ""
    host: Host
    versions: dict[str, str]
    sandbox: dict[str, object] = msgspec.field(default_factory=dict)


class ThenAndNow(AuditPart, frozen=True, kw_only=True):
    """The environment of each stage, by name, and of the audit."""

    then: dict[str, Environment]
    now: Environment


class AuditedRun(AuditPart, frozen=True, kw_only=True):
    """What an audit says of a run, beside its findings.

    Attributes:
        title: of the challenge.
        checked: how much was looked at, by kind.
        verdicts: one a team.
        places: between which places each team must lie.
        evidence: SHA-256 of data, rules, images and tables, by what they are of.
        rerun: what running again gave; None if that was not asked for.
        notes: what a reader should know and what leaves nothing open.
        environment: the machine and the versions, then and now.
    """

    title: str
    checked: dict[str, int]
    verdicts: tuple[Verdict, ...]
    places: tuple[PlaceBounds, ...]
    evidence: dict[str, str]
    rerun: RerunPart | None
    notes: tuple[str, ...]
    environment: ThenAndNow


class AuditDocument(AuditedRun, frozen=True, kw_only=True):
    """audit.json, whole.

    Attributes:
        audited_at: UTC, ISO 8601.
        passed: whether nothing is open.
        findings: everything that is not as the run left it, each with its cause.
    """

    schema: Literal[2] = 2
    audited_at: str
    passed: bool
    findings: tuple[AuditedFile, ...]
