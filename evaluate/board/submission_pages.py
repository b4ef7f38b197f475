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

__all__ = ["NOT_RUN", "cells_of", "columns_of_board", "ratio_text", "submission_page"]

NOT_RUN: Mapping[NotRun, str] = {
    "outside": "no phase was open when it arrived",
    "too many": "over the day's number of submissions",
    "broken": "it is nothing that can be run",
}


def columns_of_board(standing: PhaseStanding) -> list[str]:
    """What the protocol ranks by, then the time."""
    ranked = [metric.name for metric in standing.rules.ranking.metrics]
    return [*dict.fromkeys((*ranked, "wall_s"))]


def cells_of(standing: PhaseStanding, run: RunSubmission) -> list[str]:
    """A submission's means in the columns of the board, failures included at their price."""
    quantities = quantities_of(standing.rules)
    values = run.row.values if run.row else {}
    return [
        quantities[name].text(values.get(name))
        for name in columns_of_board(standing)
        if name in quantities
    ]


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
    quantities = quantities_of(standing.rules) if standing else {}
    heads = (
        [quantities[n].head for n in columns_of_board(standing) if n in quantities]
        if standing
        else []
    )
    means = [*zip(heads, cells_of(standing, ran), strict=True)] if ran and standing else []
    return render(
        "board_submission.html.j2",
        scripts=("theme.js",),
        styles=("style.css", "check.css", "board.css"),
        title=folder.challenge.title,
        event=event,
        phase=phase,
        state=_state(event, ran),
        outcomes=_outcomes(ran) if ran else [],
        means=means if shows and ran and ran.row else [],
        hidden=ran is not None and not shows,
        lost=ran is not None and ran.row is None,
        ratio=ratio_text(ran) if ran and ran.times_anchor and shows else "",
        again=again,
    )


def _state(event: HandedIn, ran: RunSubmission | None) -> str:
    if event.not_run:
        return f"not run: {NOT_RUN[event.not_run]}"
    return "run and scored" if ran else "waits for its run"


def _outcomes(ran: RunSubmission) -> list[str]:
    """How many cases ended how."""
    return [
        f"{count_of(number, 'case')}: {OUTCOME_WORDS.get(outcome, 'a mask that counts')}"
        for outcome, number in sorted(ran.outcomes.items(), key=lambda pair: pair[0] != Outcome.OK)
    ]
