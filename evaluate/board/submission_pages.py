"""A submission's own page, for its team alone: what became of it, findings, its own scores."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from evaluate.board.challenge import ChallengeFolder, Phase
from evaluate.board.counted import PhaseStanding, RunSubmission
from evaluate.documents.board_log import CameAgain, HandedIn, NotRun
from evaluate.facts.outcome import Outcome
from evaluate.reporting.failures import OUTCOME_WORDS
from evaluate.reporting.quantities import count_of, quantities_of
from evaluate.reporting.rendering import render

NOT_RUN: Mapping[NotRun, str] = {
    "outside": "no phase was open when it arrived",
    "too many": "over the day's number of submissions",
    "broken": "it is nothing that can be run",
}


_HELP: Mapping[Outcome, str] = {
    Outcome.TIMEOUT: "loading the model counts, too",
    Outcome.OUT_OF_MEMORY: "everything in the container counts together, /tmp too",
    Outcome.NONZERO_EXIT: "its command ended with another exit code than 0",
    Outcome.NO_OUTPUT: "the outputs folder had no file of the case's name",
    Outcome.BAD_OUTPUT: "the file is no mask of the image's shape, with labels that the case has",
    Outcome.OUTPUT_TOO_LARGE: "it wrote more, or more files, than the rules allow",
    Outcome.IMAGE_ERROR: "the image can't be loaded, built or started",
    Outcome.HARNESS_ERROR: "not the submission's; it is run again",
}


def heads_of(standing: PhaseStanding) -> list[str]:
    """The board's columns as a reader knows them."""
    quantities = quantities_of(standing.rules)
    return [quantities[name].head for name in standing.columns if name in quantities]


def cells_of(standing: PhaseStanding, run: RunSubmission) -> list[str]:
    """A submission's means in these columns."""
    quantities = quantities_of(standing.rules)
    return [quantities[n].text(run.means[n]) for n in standing.columns if n in quantities]


def ratio_text(run: RunSubmission) -> str:
    """Its time as a multiple of the anchor's."""
    return "–" if run.times_anchor is None else f"{run.times_anchor:.2f} ×"


def submission_page(
    folder: ChallengeFolder,
    event: HandedIn,
    *,
    phase: Phase | None,
    standing: PhaseStanding | None,
    again: Sequence[CameAgain],
    now: datetime,
) -> str:
    """The page as text; everything in it is escaped.

    Neither logs nor reasons are on it: a program could write the hidden data into both.
    """
    ran = None
    if standing is not None:
        ran = next((s for s in standing.everything if s.submission.number == event.number), None)
    shows = phase is not None and phase.shows_scores(now)
    means = (
        [*zip(heads_of(standing), cells_of(standing, ran), strict=True)] if ran and standing else []
    )
    lost = ran is not None and ran.outcomes[Outcome.HARNESS_ERROR] > 0
    return render(
        "board_submission.html.j2",
        scripts=("theme.js",),
        styles=("style.css", "check.css", "board.css"),
        title=folder.challenge.title,
        event=event,
        phase=phase,
        state=_state(event, ran),
        outcomes=_outcomes(ran) if ran else [],
        means=means if shows and not lost else [],
        hidden=ran is not None and not shows,
        lost=lost,
        failed=ran is not None and ran.failures > 0,
        ratio=ratio_text(ran) if ran and ran.times_anchor and shows else "",
        again=again,
    )


def _state(event: HandedIn, ran: RunSubmission | None) -> str:
    if event.not_run:
        return f"not run: {NOT_RUN[event.not_run]}"
    return "run and scored" if ran else "waits for its run"


def _outcomes(ran: RunSubmission) -> list[str]:
    """How many cases ended how."""
    told = {Outcome.OK: "a mask that counts"} | {
        outcome: f"{words} ({_HELP[outcome]})" for outcome, words in OUTCOME_WORDS.items()
    }
    return [
        f"{count_of(number, 'case')}: {told[outcome]}"
        for outcome, number in sorted(ran.outcomes.items(), key=lambda pair: pair[0] != Outcome.OK)
    ]
