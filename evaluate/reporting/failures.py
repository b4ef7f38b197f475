"""What failed, with its reason and the end of its log, as plain text that can't do anything."""

from dataclasses import dataclass

from data_manifest.errors import printable
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore
from evaluate.reporting.run_sources import Sources
from evaluate.running.log_tail import log_tail
from evaluate.store import RunDirectory

_MOST_LOGS = 8
"""Logs a team; the others are named."""

OUTCOME_WORDS = {
    Outcome.TIMEOUT: "time limit",
    Outcome.OUT_OF_MEMORY: "out of memory",
    Outcome.NONZERO_EXIT: "crashed",
    Outcome.NO_OUTPUT: "no output",
    Outcome.BAD_OUTPUT: "bad output",
    Outcome.OUTPUT_TOO_LARGE: "output too large",
    Outcome.IMAGE_ERROR: "image does not start",
    Outcome.HARNESS_ERROR: "error of the harness",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One case that gave no score of its own."""

    score: CaseScore
    what: str
    reason: str
    measured: str
    log: str
    log_name: str
    log_is_left_out: bool


def failures(sources: Sources, run: RunDirectory) -> list[Failure]:
    """Every failed or unscored case, in the order of the ranking, then of cases."""
    failed_cases = []
    for team in sources.teams:
        failed = [s for s in sources.scores_of(team) if s.outcome is not Outcome.OK]
        for position, score in enumerate(failed):
            path = run.log_path(team, score.case)
            shown = position < _MOST_LOGS
            failed_cases.append(
                Failure(
                    score=score,
                    what=OUTCOME_WORDS.get(score.outcome, score.outcome.value),
                    reason=printable(score.reason),
                    measured=_measured(sources, score),
                    log=log_tail(run, team, score.case) if shown else "",
                    log_name=printable(str(path.relative_to(run.root))),
                    log_is_left_out=not shown,
                )
            )
    return failed_cases


def _measured(sources: Sources, score: CaseScore) -> str:
    record = sources.runs.get((score.team, score.case))
    if record is None:
        return ""
    parts = [] if record.exit_code is None else [f"exit code {record.exit_code}"]
    if record.wall_s is not None:
        parts.append(f"after {record.wall_s:.1f}\N{NO-BREAK SPACE}s")
    if record.peak_memory_mib is not None:
        parts.append(f"{record.peak_memory_mib:,.0f}\N{NO-BREAK SPACE}MiB")
    return ", ".join(parts)
