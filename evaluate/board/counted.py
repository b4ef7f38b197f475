"""A phase's submissions with their scores, and which of each team's counts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from evaluate.board.challenge import ChallengeFolder, Phase
from evaluate.documents.board_log import BoardLog, HandedIn
from evaluate.documents.run_parts import RankOptions
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore
from evaluate.ranking import RankSettings, places_of
from evaluate.ranking.label_columns import with_label_columns
from evaluate.ranking.stage import labels_ranked_by, scores_to_rank
from evaluate.store import RunDirectory

_TIME = "wall_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSubmission:
    """A submission that was run.

    Attributes:
        submission: its entry in the log.
        ran_at: its batch's end.
        outcomes: how its cases ended, and how many so.
        place: among all submissions of the phase, or among those that count; None where a case has
            no score by an error of the harness.
        means: by column, over the modalities' means; failed cases are in them at their price.
        times_anchor: its time a case, as a multiple of the anchor's in the same batch: the median
            over the cases that both ended well.
        slower: how much slower its batch's anchor was than that of the first batch.
    """

    submission: HandedIn
    ran_at: str
    outcomes: Counter[Outcome]
    means: Mapping[str, float | None]
    times_anchor: float | None
    slower: float
    place: float | None = None

    @property
    def failures(self) -> int:
        """Of its cases."""
        return sum(count for outcome, count in self.outcomes.items() if outcome.is_failure)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStanding:
    """All that were run, by number, and those that count, best first.

    The columns are what the protocol ranks by, and the time.
    """

    everything: tuple[RunSubmission, ...] = ()
    counted: tuple[RunSubmission, ...] = ()
    rules: Rules

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the means that are shown."""
        return tuple(dict.fromkeys((*RankSettings.from_protocol(self.rules).columns, _TIME)))


def standing_of(folder: ChallengeFolder, phase: Phase, log: BoardLog) -> PhaseStanding:
    """What a phase's finished batches came to.

    Times of a batch are divided by how much slower its anchor was than that of the first, so that
    places by time are places on one scale.
    """
    standing = PhaseStanding(rules=folder.rules[phase.name])
    batches = [batch for batch in log.batches if batch.phase == phase.name]
    if not batches:
        return standing
    run = RunDirectory.open(folder.run_root(phase))
    by_team: dict[str, list[CaseScore]] = {}
    labels = labels_ranked_by(run, standing.rules)
    for score in with_label_columns(run.read_rows(CaseScore), labels, standing.columns):
        by_team.setdefault(score.team, []).append(score)
    handed_in = {event.number: event for event in log.handed_in}
    digests = {entry.team: entry.digest for entry in run.document().submissions}
    same = digests.get(next((batch.anchor for batch in batches if batch.anchor), ""))
    first: dict[str, float] = {}
    submissions, scores = [], {}
    for batch in batches:
        name = batch.anchor or ""
        # Another anchor's times say nothing beside those of the first.
        anchor = _times(by_team.get(name, ()) if digests.get(name) == same else ())
        first = first or anchor
        slower = _ratio(anchor, first) or 1.0
        for number in batch.numbers:
            name = handed_in[number].run_name
            options = RankOptions(slower={name: slower})
            scores[name] = [*scores_to_rank(by_team[name], options)]
            submissions.append(
                RunSubmission(
                    submission=handed_in[number],
                    ran_at=batch.at,
                    outcomes=Counter(score.outcome for score in scores[name]),
                    means=_means(scores[name], standing.columns),
                    times_anchor=_ratio(_times(by_team[name]), anchor),
                    slower=slower,
                )
            )
    placed = _placed(submissions, scores, standing.rules)
    counted = _placed(_those_that_count(placed, phase), scores, standing.rules)
    return replace(standing, everything=tuple(submissions), counted=tuple(counted))


def final_ranking(standing: PhaseStanding, phase: Phase, log: BoardLog) -> RankOptions:
    """How a closed phase is ranked: each team once, its times on the first anchor's scale.

    What has a case without a score, by an error of the harness, stays in: then ranking refuses.
    """
    counted = {run.submission.number for run in standing.counted}
    batches = (batch for batch in log.batches if batch.phase == phase.name)
    left_out = {batch.anchor: "the anchor" for batch in batches if batch.anchor}
    for run in standing.everything:
        if run.submission.number not in counted and not run.outcomes[Outcome.HARNESS_ERROR]:
            why = f"since each team's {phase.counts} submission counts"
            left_out[run.submission.run_name] = why
    ranked = [run for run in standing.everything if run.submission.run_name not in left_out]
    slower = {run.submission.run_name: run.slower for run in ranked if run.slower != 1}
    return RankOptions(left_out=left_out, slower=slower)


def _means(scores: Sequence[CaseScore], names: Iterable[str]) -> dict[str, float | None]:
    means: dict[str, float | None] = {}
    for name in names:
        by_modality: dict[str, list[float]] = {}
        for score in scores:
            if (value := score.value(name)) is not None:
                by_modality.setdefault(score.modality, []).append(value)
        means[name] = fmean(map(fmean, by_modality.values())) if by_modality else None
    return means


def _times(scores: Iterable[CaseScore]) -> dict[str, float]:
    """Of the cases that ended well."""
    times = {s.case: s.value(_TIME) for s in scores if s.outcome is Outcome.OK}
    return {case: seconds for case, seconds in times.items() if seconds}


def _ratio(own: dict[str, float], other: dict[str, float]) -> float | None:
    shared = own.keys() & other.keys()
    return median(own[case] / other[case] for case in shared) if shared else None


def _placed(
    submissions: Sequence[RunSubmission], scores: dict[str, list[CaseScore]], rules: Rules
) -> list[RunSubmission]:
    """Those whose cases all have a score, with their places among each other, best first."""
    whole = [s for s in submissions if not s.outcomes[Outcome.HARNESS_ERROR]]
    if not whole:
        return []
    places = places_of([row for s in whole for row in scores[s.submission.run_name]], rules)
    placed = [replace(s, place=places[s.submission.run_name]) for s in whole]
    return sorted(placed, key=lambda s: (s.place, s.submission.number))


def _those_that_count(placed: Sequence[RunSubmission], phase: Phase) -> list[RunSubmission]:
    """One a team; among equals the earlier one."""
    if phase.counts == "last":
        placed = sorted(placed, key=lambda s: -s.submission.number)
    chosen: dict[str, RunSubmission] = {}
    for submission in placed:
        chosen.setdefault(submission.submission.file.team.lower(), submission)
    return list(chosen.values())
