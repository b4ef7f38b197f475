"""Which places stand whatever the unresolved results turn out to be, and which depend on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from evaluate.documents.audit import PlaceBounds
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
    return replace(row.with_values(**values), outcome=_outcome(possible, best=best))


def _outcome(possible: Sequence[CaseScore], *, best: bool) -> Outcome:
    """A result at best; at worst a failure, which ranks behind a result of the same values."""
    if not possible:
        return Outcome.OK if best else Outcome.NO_OUTPUT
    outcomes = sorted((row.outcome for row in possible), key=lambda outcome: outcome.is_failure)
    return outcomes[0] if best else outcomes[-1]
