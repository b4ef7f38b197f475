"""audit.json: what an audit found, team by team and place by place, and what it looked at."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Literal

import msgspec

from data_manifest.findings import Cell, Finding, Severity
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


class _AuditPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of audit.json."""


class AuditedFile(_AuditPart, frozen=True, kw_only=True):
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


class Change(_AuditPart, frozen=True, kw_only=True):
    """A metric's change between two runs over the same cases.

    Attributes:
        n: cases with a value in both.
        then: mean of the old values.
        now: mean of the new ones.
        change: mean of new less old.
        low: with `high`, holds it in 95 % of the resamples of the cases; None for fewer than
            three cases.
        largest: the largest change of a single case, either way, with its sign.
        margin: from which a change counts; None where the protocol names none.
        p_equivalence: of two one-sided t-tests, the larger; None without a margin or with too few
            cases.
        is_equivalent: whether the mean change is shown to be within the margin.
    """

    n: int
    then: float
    now: float
    change: float
    low: float | None
    high: float | None
    largest: float
    margin: float | None
    p_equivalence: float | None
    is_equivalent: bool


class Ratio(_AuditPart, frozen=True, kw_only=True):
    """New over old of a time or a size, as geometric means.

    Attributes:
        n: cases with a value in both.
        ratio: as measured.
        low: with `high`, its interval; None for fewer than three cases.
        machine: what the calibration load says of the machine; None where it says nothing.
        left: the ratio that the machine does not explain.
        left_low: with `left_high`, its interval.
        margin: as a ratio; None where there is none.
        is_equivalent: whether the interval of what is left lies within the margin.
    """

    n: int
    ratio: float
    low: float | None
    high: float | None
    machine: float | None
    left: float
    left_low: float | None
    left_high: float | None
    margin: float | None
    is_equivalent: bool


class CaseAgain(_AuditPart, frozen=True, kw_only=True):
    """One case of one team: as recorded, run again, and run a second time again.

    Attributes:
        case: its name.
        modality: its modality.
        outcomes: then, again, and the second time.
        is_same: whether the mask is the recorded one, voxel by voxel, or fails alike.
        is_stable: whether both new runs gave the same.
        dsc_of_masks: old mask against new; None where there are not two.
        voxels: that have another label; None where there are not two masks.
        changes: by metric, new less old; None where either is undefined.
    """

    case: str
    modality: str
    outcomes: tuple[str, str, str]
    is_same: bool
    is_stable: bool
    dsc_of_masks: float | None
    voxels: int | None
    changes: Mapping[str, float | None]


class TeamAgain(_AuditPart, frozen=True, kw_only=True):
    """A team's submission, run again.

    Attributes:
        team: its name.
        problem: why it could not be run; empty if it was.
        cases: that were run again.
        changes: by metric.
        ratios: by `wall_s`, `cpu_s` and `peak_memory_mib`.
        place_then: with the recorded scores; None where they are not complete.
        place_now: with the new scores in place of the old ones.
    """

    team: str
    problem: str = ""
    cases: tuple[CaseAgain, ...] = ()
    changes: Mapping[str, Change] = {}
    ratios: Mapping[str, Ratio] = {}
    place_then: float | None = None
    place_now: float | None = None


class LoadThenAndNow(_AuditPart, frozen=True, kw_only=True):
    """Seconds of the calibration's fixed load, during the run and during the re-run."""

    then: Sequence[float]
    now: Sequence[float]


class RerunPart(_AuditPart, frozen=True, kw_only=True):
    """What running again gave.

    Attributes:
        cases: that were run again.
        of: how many there are.
        seed: of the sample.
        calibration_s: seconds of the fixed load, then and now.
        teams: one a team.
        notes: what a reader of the times should know.
    """

    cases: tuple[str, ...]
    of: int
    seed: int
    calibration_s: LoadThenAndNow
    teams: tuple[TeamAgain, ...]
    notes: tuple[str, ...]


class VerdictKind(StrEnum):
    """What an audit says of a team."""

    HOLDS = "holds"
    OPEN = "open"
    REPRODUCED = "reproduced bit for bit"
    EQUIVALENT = "equivalent"
    DIFFERS = "differs"
    NOT_RUN = "could not be run"
    UNSTABLE = "never the same twice"


class Verdict(_AuditPart, frozen=True, kw_only=True):
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


class PlaceBounds(_AuditPart, frozen=True, kw_only=True):
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


class Environment(_AuditPart, frozen=True, kw_only=True, omit_defaults=True):
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
    sandbox: dict[str, object] = {}


class ThenAndNow(_AuditPart, frozen=True, kw_only=True):
    """The environment of each stage, by name, and of the audit."""

    then: dict[str, Environment]
    now: Environment


class AuditedRun(_AuditPart, frozen=True, kw_only=True):
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
