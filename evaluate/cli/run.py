"""`segjudge run`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluate.cli.clusters import add_cluster_arguments, cluster_of
from evaluate.cli.command_arguments import natural, positive
from evaluate.cli.sandboxes import add_sandbox_arguments, sandbox_of
from evaluate.cli.terminal import say, say_next, show_progress, warn
from evaluate.facts.errors import Finding, UsageError

if TYPE_CHECKING:
    from evaluate.facts.rules import Rules
    from evaluate.store import RunDirectory


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
    add_cluster_arguments(command)
    add_sandbox_arguments(command)
    command.add_argument(
        "--status",
        action=_Status,
        type=Path,
        metavar="DIR",
        help="say how far the run in DIR is, from another terminal, and nothing else",
    )


class _Status(argparse.Action):
    """Needs none of the arguments of a run."""

    def __call__(self, parser: argparse.ArgumentParser, _: object, folder: Any, *__: Any) -> None:
        from evaluate.cli.run_words import say_status
        from evaluate.store import RunDirectory

        say_status(RunDirectory.open(folder))
        parser.exit()


def call(options: argparse.Namespace) -> int:
    """Run submissions on every case of a manifest."""
    from evaluate.cli.run_words import (
        say_outcomes,
        warn_of_gone_machines,
        warn_of_leftovers,
        warn_of_machines,
        warn_of_rules,
    )
    from evaluate.facts.rules import load_protocol
    from evaluate.running.stage import parse_submissions

    made = run_into(
        options,
        manifest=options.manifest,
        protocol=load_protocol(options.protocol),
        references=parse_submissions(options.submission),
        jobs=options.jobs,
    )
    say_outcomes(made)
    warn_of_machines(made)
    warn_of_rules(made)
    warn_of_gone_machines(made)
    warn_of_leftovers(made)
    say_next("score", options.run_dir)
    return 0


def run_into(
    options: argparse.Namespace,
    *,
    manifest: Path,
    protocol: "Rules",
    references: dict[str, str],
    jobs: int = 1,
) -> "RunDirectory":
    """Run in the sandbox of the options, into their run directory."""
    from evaluate.running.stage import run_submissions
    from evaluate.store import RunDirectory

    cluster = cluster_of(options)
    if cluster is not None and jobs > 1:
        fault = "a machine of a cluster runs one container at a time"
        raise UsageError(where="--cluster", found=fault, mend="leave --jobs out")
    if cluster is not None and options.runtime is not None:
        mend = "make it the default runtime of each machine's engine"
        raise UsageError(where="--runtime", found="not for a cluster's machines", mend=mend)
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
            cluster=cluster,
            progress=progress,
            said=say,
        )
