"""What came of a run, in lines."""

from dataclasses import replace
from datetime import datetime

from evaluate.cli.terminal import say, warn
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Finding, RunDirectoryError
from evaluate.facts.outcome import Outcome
from evaluate.running.workspace import left_over
from evaluate.scoring.one_set_of_rules import check_rules
from evaluate.store import RunDirectory


def warn_of_machines(run: RunDirectory) -> None:
    """Say it where attempts were made on machines whose times may not be compared."""
    unequal = run.document().unequal_machines
    if unequal:
        fault = f"cases were run on {unequal}: their times may not be compared"
        warn(Finding(where=str(run.root), found=fault))


def warn_of_leftovers(run: RunDirectory) -> None:
    """Say what of a stranger's could not be removed: it takes room, and stops no later run."""
    for path in left_over(run.token):
        mend = "remove it as root, or as the engine's user; no run is kept from going on"
        warn(Finding(where=str(path), found="what a container left can't be removed", mend=mend))


def warn_of_gone_machines(run: RunDirectory) -> None:
    """Say which machines of a cluster took no work, and why."""
    for finding in run.read_status().gone_machines:
        warn(finding)


def warn_of_rules(run: RunDirectory) -> None:
    """Say now what scoring will refuse."""
    document = run.document()
    try:
        check_rules(document, run.attempts(), document.rules_of("run"), where=str(run.root))
    except RunDirectoryError as error:
        for problem in error.problems[:1]:
            warn(replace(problem, found=f"scoring will refuse this: {problem.found}"))


def say_outcomes(run: RunDirectory) -> None:
    """How many cases ended how, and each failure's reason."""
    records = run.read_rows(Attempt)
    failed = [record for record in records if record.outcome is not Outcome.OK]
    say(f"{len(records)} runs, {len(records) - len(failed)} ok")
    for record in failed[:20]:
        say(f"  {record.team} {record.case}: {record.outcome}: {record.reason}")
    if len(failed) > 20:
        say(f"  and {len(failed) - 20} more; see {run.table_path(Attempt)}")


def say_status(run: RunDirectory) -> None:
    """How far a run is, how fast, and what its machines do."""
    status = run.read_status()
    began, now = (datetime.fromisoformat(at) for at in (status.began_at, status.updated_at))
    seconds, made = (now - began).total_seconds(), status.done - status.before
    at_work = run.is_locked
    state = "at work" if at_work else "finished" if status.finished else "stopped: run it again"
    say(f"{run.root}: {state}; as of {status.updated_at}")
    say(f"blocks   {status.blocks_done} of {status.blocks} (a case with all teams and rounds)")
    say(f"runs     {status.done} of {status.runs}")
    if at_work and made and seconds:
        left_s = seconds / made * (status.runs - status.done)
        say(f"rate     {60 * made / seconds:.1f} runs a minute, about {left_s / 60:.0f} min left")
    failures = ", ".join(f"{kind} {count}" for kind, count in status.failures.items())
    say(f"failures {failures or 'none'}")
    if status.note:
        say(f"{'now ' if at_work else 'last'}     {status.note}")
    for machine in status.machines:
        state, about = machine.state, f": {machine.about}" if machine.about else ""
        if not at_work and not machine.is_gone:
            state, about = f"was {state}", ""
        say(f"machine  {machine.name} {state}, {machine.blocks} blocks{about}")
    if status.dashboard:
        say(f"dask     {status.dashboard}")
