"""`segjudge score`."""

import argparse
from pathlib import Path

from evaluate.cli.clusters import add_cluster_arguments, cluster_of
from evaluate.cli.command_arguments import positive
from evaluate.cli.terminal import say, say_next, show_progress, warn
from evaluate.facts.errors import Finding, UsageError


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge score`."""
    command.add_argument("run_dir", type=Path, nargs="?")
    command.add_argument("--manifest", type=Path, help="where the run's data lie now, if moved")
    command.add_argument("--references", type=Path, help="folder of references, one file a case")
    command.add_argument("--predictions", type=Path, help="folder of masks, as the protocol says")
    command.add_argument("--protocol", help="built-in name or TOML file (default: the run's own)")
    command.add_argument("--out", type=Path, help="folder of the tables")
    command.add_argument("--jobs", type=positive, help="processes (default: one a CPU)")
    add_cluster_arguments(command)


def call(options: argparse.Namespace) -> int:
    """Score a run directory or a folder."""
    from evaluate.cli.score_words import say_scores
    from evaluate.facts.rules import load_protocol

    folder_options = ("references", "predictions", "out")
    given = [name for name in folder_options if getattr(options, name) is not None]
    if options.run_dir is not None and not given:
        from evaluate.scoring.stage import score_run

        protocol = load_protocol(options.protocol) if options.protocol else None
        with show_progress("scoring") as progress:
            scores = score_run(
                options.run_dir,
                manifest_path=options.manifest,
                protocol=protocol,
                workers=options.jobs,
                cluster=cluster_of(options),
                progress=progress,
            )
        say_scores(scores)
        say_next("rank", options.run_dir)
        return 0
    if (
        (options.run_dir or options.manifest) is not None
        or len(given) < len(folder_options)
        or not options.protocol
    ):
        raise UsageError(
            where="segjudge score",
            found="neither a run directory nor two folders",
            expected="RUN_DIR, or all of --references, --predictions, --protocol and --out",
            mend="`segjudge score --help` shows both",
        )
    if options.cluster is not None:
        fault = "for two folders, whose files are nobody's"
        mend = "leave it out, or score a run directory"
        raise UsageError(where="--cluster", found=fault, mend=mend)
    from evaluate.scoring.folder_scores import score_folders  # needs no run directory, nor waits

    with show_progress("scoring") as progress:
        made = score_folders(
            references=options.references,
            predictions=options.predictions,
            protocol=load_protocol(options.protocol),
            out=options.out,
            workers=options.jobs,
            progress=progress,
        )
    for warning in made.warnings:
        warn(Finding(where=str(options.predictions), found=warning))
    say_scores(made.scores, of_run=False)
    say(f"tables in {options.out}")
    return 0
