"""`segjudge run`."""

import argparse
from dataclasses import replace
from pathlib import Path

from evaluate.cli.command_arguments import natural, positive
from evaluate.cli.sandboxes import add_sandbox_arguments, sandbox_of
from evaluate.cli.terminal import say, show_progress, warn
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import Finding, RunDirectoryError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules, load_protocol
from evaluate.running.stage import parse_submissions, run_submissions
from evaluate.scoring.one_set_of_rules import check_rules
from evaluate.store import RunDirectory

__all__ = ["add_arguments", "call", "run_into", "say_outcomes", "warn_of_machines"]


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge run`."""
    command.add_argument("run_dir", type=Path)
    command.add_argument("--manifest", type=Path, required=True)
    command.add_argument("--protocol", required=True, help="built-in name, or a TOML file")
    command.add_argument(
        "--submission",
        action="append",
        required=True,
        metavar="NAME=REF",
        help="REF: image.tar[.gz], image reference, or folder with predict.sh; repeatable",
    )
    command.add_argument("--seed", type=natural, default=0, help="of the order of turns")
    command.add_argument(
        "--jobs",
        type=positive,
        default=1,
        help="containers at a time; with more than one, times can't be compared",
    )
    add_sandbox_arguments(command)


def call(options: argparse.Namespace) -> int:
    """Run submissions on every case of a manifest."""
    made = run_into(
        options,
        manifest=options.manifest,
        protocol=load_protocol(options.protocol),
        references=parse_submissions(options.submission),
        jobs=options.jobs,
    )
    say_outcomes(made)
    warn_of_machines(made)
    _warn_of_rules(made)
    say(f"next: segjudge score {options.run_dir}")
    return 0


def run_into(
    options: argparse.Namespace,
    *,
    manifest: Path,
    protocol: Rules,
    references: dict[str, str],
    jobs: int = 1,
) -> RunDirectory:
    """Run in the sandbox of the options, into their run directory."""
    if jobs > 1:
        fault = "several containers at a time: the times can't be compared"
        warn(Finding(where=f"--jobs {jobs}", found=fault, mend="to rank by times, leave it out"))
    for (team, case), times in RunDirectory(options.run_dir).cut_off().items():
        if times > 1:
            warn(
                Finding(
                    where=f"{team} {case}",
                    found=f"began {times} times and was cut off each time",
                    mend="where you did not stop it yourself, it may bring this machine down",
                )
            )
    with sandbox_of(options) as sandbox, show_progress("running") as progress:
        return run_submissions(
            manifest_path=manifest,
            protocol=protocol,
            references=references,
            root=options.run_dir,
            sandbox=sandbox,
            seed=options.seed,
            parallel=jobs,
            progress=progress,
        )


def warn_of_machines(run: RunDirectory) -> None:
    """Say it where attempts were made on machines whose times may not be compared."""
    unequal = run.document().unequal_machines
    if unequal:
        fault = f"cases were run on {unequal}: their times may not be compared"
        warn(Finding(where=str(run.root), found=fault))


def _warn_of_rules(run: RunDirectory) -> None:
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
