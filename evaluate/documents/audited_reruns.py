"""What an audit keeps of running a submission again."""

from collections.abc import Mapping, Sequence

import msgspec


class AuditPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of audit.json."""


class Change(AuditPart, frozen=True, kw_only=True):
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


class Ratio(AuditPart, frozen=True, kw_only=True):
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


class CaseAgain(AuditPart, frozen=True, kw_only=True):
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


class TeamAgain(AuditPart, frozen=True, kw_only=True):
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


class LoadThenAndNow(AuditPart, frozen=True, kw_only=True):
    """Seconds of the calibration's fixed load, during the run and during the re-run."""

    then: Sequence[float]
    now: Sequence[float]


class RerunPart(AuditPart, frozen=True, kw_only=True):
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
