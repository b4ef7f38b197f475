"""Which places stand whatever the unresolved results turn out to be, and which depend on them."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from data_manifest.findings import Finding
from evaluate.documents.audit import PlaceBounds, Verdict, VerdictKind
from evaluate.documents.audited_reruns import CaseAgain, TeamAgain
from evaluate.facts.outcome import Outcome
from evaluate.facts.ranking_rules import of_label
from evaluate.facts.run_rules import Limits
from evaluate.facts.scores import CaseScore
from metrics import METRICS

_Pair = tuple[str, str]
_FAR = 1e9
"""Worse than any distance, volume or time that a table holds, and still a number."""


def bounds_of_places(
    scores: Sequence[CaseScore],
    unresolved: Mapping[_Pair, Sequence[CaseScore]],
    rank: Callable[[list[CaseScore]], Mapping[str, float]],
    limits: Limits,
    metrics: Sequence[str],
) -> list[PlaceBounds]:
    """Bound every place.

    A team's place is best when its own unresolved results are the best possible and those of all
    others the worst possible, and the other way round: no ranking scheme of a protocol punishes a
    better value.

    An unresolved result may be what is named for it, or anything at all where nothing is.
    """
    teams = sorted({row.team for row in scores})
    if not unresolved:
        places = rank(list(scores))
        return [_bounds(team, places[team], places[team], places[team], ()) for team in teams]
    extremes = {
        side: [
            _extreme(row, unresolved.get((row.team, row.case)), limits, metrics, best=side)
            for row in scores
        ]
        for side in (True, False)
    }
    guilty = tuple(sorted({team for team, _ in unresolved}))
    believed = None
    if not any(row.outcome is Outcome.HARNESS_ERROR for row in scores):
        believed = rank(list(scores))
    bounds = []
    for team in teams:
        ends = []
        for mine in (True, False):
            rows = [
                kind if kind.team == team else other
                for kind, other in zip(extremes[mine], extremes[not mine], strict=True)
            ]
            ends.append(rank(rows)[team])
        place = believed[team] if believed else None
        bounds.append(_bounds(team, place, min(ends), max(ends), guilty))
    return bounds


def _bounds(
    team: str, place: float | None, best: float, worst: float, guilty: tuple[str, ...]
) -> PlaceBounds:
    stands = best == worst
    return PlaceBounds(
        team=team,
        place=place,
        best=best,
        worst=worst,
        stands=stands,
        depends_on=() if stands else guilty,
    )


def _extreme(
    row: CaseScore,
    possible: Sequence[CaseScore] | None,
    limits: Limits,
    metrics: Sequence[str],
    *,
    best: bool,
) -> CaseScore:
    """The row at its best or its worst, metric by metric."""
    if possible is None:
        return row
    values: dict[str, float] = {}
    for name in metrics:
        base, _ = of_label(name)
        if base not in METRICS:
            continue
        higher = METRICS[base].direction == "higher"
        known = [v for one in possible if (v := one.value(name)) is not None]
        if not known:
            top = 1.0
            bottom = {"wall_s": limits.timeout_s, "peak_memory_mib": float(limits.memory_mib)}.get(
                name, _FAR
            )
            known = [0.0, top if higher else bottom]
        values[name] = max(known) if best == higher else min(known)
    return msgspec.structs.replace(row.with_values(**values), outcome=_outcome(possible, best=best))


def _outcome(possible: Sequence[CaseScore], *, best: bool) -> Outcome:
    """A result at best; at worst a failure, which ranks behind a result of the same values."""
    if not possible:
        return Outcome.OK if best else Outcome.NO_OUTPUT
    outcomes = sorted((row.outcome for row in possible), key=lambda outcome: outcome.is_failure)
    return outcomes[0] if best else outcomes[-1]


_MOST_CASES = 3


def judge_team(team: str, findings: Sequence[Finding], again: TeamAgain | None) -> Verdict:
    """The verdict on one team.

    Findings that touch the team, or all teams, count.
    """
    touching = [f for f in findings if f.is_problem and (team in f.teams or not f.teams)]
    told = "; ".join(dict.fromkeys(f"{f.code}: {f.where}" for f in touching[:5]))
    if again is None:
        if touching:
            return Verdict(team=team, verdict=VerdictKind.OPEN, words=told, is_open=True)
        words = "every file, score and place is as recorded; it was not run again"
        return Verdict(team=team, verdict=VerdictKind.HOLDS, words=words, is_open=False)
    kind, words, is_open = _of_again(again)
    if touching:
        words = f"{words}; and what was recorded is open: {told}"
    return Verdict(team=team, verdict=kind, words=words, is_open=is_open or bool(touching))


def _of_again(again: TeamAgain) -> tuple[VerdictKind, str, bool]:
    if again.problem:
        return VerdictKind.NOT_RUN, again.problem, True
    ours = [case for case in again.cases if "harness_error" in case.outcomes[1:]]
    if ours:
        names = ", ".join(case.case for case in ours[:_MOST_CASES])
        return VerdictKind.NOT_RUN, f"a failure on our side in {_count(len(ours))} ({names})", True
    total = len(again.cases)
    if all(case.is_same and case.is_stable for case in again.cases):
        failures = sum(case.outcomes[0] != "ok" for case in again.cases)
        alike = f", {failures} of them failing as before" if failures else ""
        return VerdictKind.REPRODUCED, f"the same in all of {_count(total)}, twice{alike}", False
    unstable = [case for case in again.cases if not case.is_stable]
    other = [case for case in again.cases if not case.is_same]
    outcomes = [case for case in other if len(set(case.outcomes)) > 1]
    within = not outcomes and all(
        change.is_equivalent for change in again.changes.values() if change.margin is not None
    )
    facts = "; ".join(_facts(again, other or unstable, outcomes))
    if unstable:
        words = f"two runs of today differ from each other in {_count(len(unstable))} of {total}"
        limits = "within the protocol's margins" if within else "not shown to be within the margins"
        return VerdictKind.UNSTABLE, f"{words}; {limits}; {facts}", not within
    words = f"another mask or outcome in {_count(len(other))} of {total}, the same one twice"
    kind = VerdictKind.EQUIVALENT if within else VerdictKind.DIFFERS
    return kind, f"{words}; {facts}", not within


def _facts(
    again: TeamAgain, other: Sequence[CaseAgain], outcomes: Sequence[CaseAgain]
) -> list[str]:
    facts = [
        f"{case.case} was {case.outcomes[0]}, is {' and '.join(dict.fromkeys(case.outcomes[1:]))}"
        for case in outcomes[:_MOST_CASES]
    ]
    apart = sorted(
        (case for case in other if case.dsc_of_masks is not None),
        key=lambda case: case.dsc_of_masks or 0.0,
    )
    if apart:
        facts.append(
            f"old against new mask: DSC {apart[0].dsc_of_masks:.4f} at worst ({apart[0].case},"
            f" {apart[0].modality}, {apart[0].voxels} voxels)"
        )
    for name, change in again.changes.items():
        if change.margin is not None:
            test = "within" if change.is_equivalent else "not shown to be within"
            interval = "too few cases for an interval"
            if change.low is not None and change.high is not None:
                interval = f"95 % {change.low:+.5f} to {change.high:+.5f}"
            facts.append(
                f"{name.upper()} {change.change:+.5f} ({interval}), {test} {change.margin:g}"
            )
    if again.place_then is not None and again.place_now is not None:
        moved = again.place_then != again.place_now
        facts.append(
            f"its place would be {again.place_now:g} instead of {again.place_then:g}"
            if moved
            else f"its place stays {again.place_then:g}"
        )
    return facts


def _count(number: int) -> str:
    return f"{number} case" if number == 1 else f"{number} cases"
