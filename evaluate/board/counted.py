"""A phase's submissions with their scores, and which of each team's counts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from evaluate.board.challenge import ChallengeFolder, Phase
from evaluate.documents.board_log import BoardLog, HandedIn
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore
from evaluate.ranking import rank
from evaluate.ranking.result import RankingRow
from evaluate.ranking.stage import labels_ranked_by
from evaluate.store import RunDirectory

__all__ = ["PhaseStanding", "RunSubmission", "standing_of"]

_TIME = "wall_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSubmission:
    """A submission that was run.

    Attributes:
        submission: its entry in the log.
        ran_at: its batch's end.
        outcomes: how its cases ended, and how many so.
        row: its means and its place among all submissions of the phase, or among those that
            count; None where a case has no score by an error of the harness.
        times_anchor: its time a case, as a multiple of the anchor's in the same batch: the median
            over the cases that both ended well.
    """

    submission: HandedIn
    ran_at: str
    outcomes: Counter[Outcome]
    row: RankingRow | None
    times_anchor: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStanding:
    """All that were run, by number, and those that count, best first."""

    everything: tuple[RunSubmission, ...] = ()
    counted: tuple[RunSubmission, ...] = ()
    rules: Rules


def standing_of(folder: ChallengeFolder, phase: Phase, log: BoardLog) -> PhaseStanding:
    """What a phase's finished batches came to.

    Times of a batch are divided by how much slower its anchor was than that of the first, so that
    places by time are places on one scale.
    """
    rules = folder.rules[phase.name]
    batches = [batch for batch in log.batches if batch.phase == phase.name]
    if not batches:
        return PhaseStanding(rules=rules)
    run = RunDirectory.open(folder.run_root(phase))
    by_team: dict[str, list[CaseScore]] = {}
    for score in run.read_rows(CaseScore):
        by_team.setdefault(score.team, []).append(score)
    handed_in = {event.number: event for event in log.handed_in}
    first: dict[str, float] = {}
    submissions, scores = [], {}
    for batch in batches:
        anchor = _times(by_team.get(batch.anchor or "", ()))
        first = first or anchor
        slower = _ratio(anchor, first) or 1.0
        for number in batch.numbers:
            name = handed_in[number].run_name
            own = by_team[name]
            scores[name] = [_on_one_scale(score, slower) for score in own]
            submissions.append(
                RunSubmission(
                    submission=handed_in[number],
                    ran_at=batch.at,
                    outcomes=Counter(score.outcome for score in own),
                    row=None,
                    times_anchor=_ratio(_times(own), anchor),
                )
            )
    everything = _ranked(run, rules, submissions, scores)
    counted = _ranked(run, rules, _those_that_count(everything, phase), scores)
    return PhaseStanding(
        everything=tuple(sorted(everything, key=lambda s: s.submission.number)),
        counted=tuple(s for s in counted if s.row is not None),
        rules=rules,
    )


def _times(scores: Iterable[CaseScore]) -> dict[str, float]:
    """Of the cases that ended well."""
    times = {s.case: s.value(_TIME) for s in scores if s.outcome is Outcome.OK}
    return {case: seconds for case, seconds in times.items() if seconds}


def _ratio(own: dict[str, float], other: dict[str, float]) -> float | None:
    shared = own.keys() & other.keys()
    return median(own[case] / other[case] for case in shared) if shared else None


def _on_one_scale(score: CaseScore, slower: float) -> CaseScore:
    seconds = score.value(_TIME)
    if seconds is None or score.outcome is not Outcome.OK:
        return score  # a failure costs what it costs in every week
    return score.with_values(**{_TIME: seconds / slower})


def _ranked(
    run: RunDirectory,
    rules: Rules,
    submissions: Sequence[RunSubmission],
    scores: dict[str, list[CaseScore]],
) -> list[RunSubmission]:
    """These with their rows among each other, best first; then those without a complete score."""
    whole = {s.submission.run_name: s for s in submissions if not s.outcomes[Outcome.HARNESS_ERROR]}
    if not whole:
        return list(submissions)
    labels = [row for row in labels_ranked_by(run, rules) if row.team in whole]
    rows = [row for name in whole for row in scores[name]]
    result = rank(rows, rules, bootstrap=0, labels=labels)
    ordered = [replace(whole[row.team], row=row) for row in result.rows]
    return [*ordered, *(s for s in submissions if s.submission.run_name not in whole)]


def _those_that_count(best_first: Sequence[RunSubmission], phase: Phase) -> list[RunSubmission]:
    """One a team; among equals the earlier one."""
    in_order = sorted(
        (s for s in best_first if s.row is not None),
        key=lambda s: (
            -s.submission.number
            if phase.counts == "last"
            else (s.row.rank if s.row else 0, s.submission.number)
        ),
    )
    chosen: dict[str, RunSubmission] = {}
    for submission in in_order:
        chosen.setdefault(submission.submission.file.team.lower(), submission)
    return list(chosen.values())
