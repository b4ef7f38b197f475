"""From the scores of a case's rounds to the case's: the last round, and what is made of all."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import msgspec

from evaluate.facts.metric_rules import MEASURED
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.scores import RoundScore
from evaluate.facts.scoring_rules import Scoring
from evaluate.scoring.jobs import CaseResult


def in_rounds(results: Iterable[CaseResult], rules: Rules) -> Iterator[CaseResult]:
    """One result a case, of results by team, case and round in this order.

    A case's masks count as its last round has them, its time as the sum of all rounds, its memory
    as the most. A round that failed counts with what a failure costs.
    """
    if rules.rounds.number == 1:
        yield from results
        return
    for _, of_case in groupby(results, key=lambda result: (result.case.team, result.case.case)):
        yield _whole(list(of_case), rules.scoring)


def _whole(rounds: Sequence[CaseResult], scoring: Scoring) -> CaseResult:
    unscored = next((r for r in rounds if r.case.outcome is Outcome.HARNESS_ERROR), None)
    if unscored is not None:
        return unscored
    last = rounds[-1]
    values = {name: value for name, value in last.case.values.items() if name not in MEASURED}
    for reduced in scoring.over_rounds:
        of_rounds = [r.case.value(reduced.metric) for r in rounds]
        known = [value for value in of_rounds if value is not None]
        base = scoring.definition(reduced.metric)
        if len(known) == len(of_rounds) and base is not None:
            values[reduced.name] = reduced.of(known, base.direction)
        else:
            values[reduced.name] = None
    for name in MEASURED:
        of_rounds = [r.case.value(name) for r in rounds]
        known = [value for value in of_rounds if value is not None]
        together = max if name == "peak_memory_mib" else sum
        values[name] = together(known) if len(known) == len(of_rounds) else None
    return replace(
        last,
        case=msgspec.structs.replace(last.case, values=values),
        rounds=tuple(_row(result, scoring) for result in rounds),
    )


def _row(result: CaseResult, scoring: Scoring) -> RoundScore:
    case = result.case
    return RoundScore(
        team=case.team,
        case=case.case,
        round=result.round,
        outcome=case.outcome,
        values={name: case.value(name) for name in scoring.names},
        wall_s=case.value("wall_s"),
    )
