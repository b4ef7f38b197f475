"""`segjudge compare`."""

import argparse
from pathlib import Path

from data_manifest.errors import Finding
from evaluate.cli.command_arguments import natural, positive
from evaluate.cli.terminal import say, show_progress, warn


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge compare`."""
    command.add_argument("run_a", type=Path, metavar="RUN_A")
    command.add_argument("run_b", type=Path, metavar="RUN_B", help="may be the same as RUN_A")
    command.add_argument("--team", metavar="X", help="of RUN_A (default: all that both hold)")
    command.add_argument(
        "--with", dest="with_team", metavar="Y", help="the team of RUN_B (default: the same)"
    )
    command.add_argument("--json", type=Path, metavar="FILE")
    command.add_argument("--html", type=Path, metavar="FILE", help="a page with pictures")
    command.add_argument("--manifest", type=Path, help="where the data lie now, if moved")
    command.add_argument("--bootstrap", type=positive, default=2000, help="replicates")
    command.add_argument("--seed", type=natural, default=0, help="of the bootstrap")


def call(options: argparse.Namespace) -> int:
    """Compare two submissions; 0 whatever the answer is."""
    from evaluate.cli.compare_words import say_comparison
    from evaluate.comparing.two_runs import compare_runs
    from evaluate.pipeline.comparisons import write_comparison, write_comparison_json

    compared = compare_runs(
        options.run_a,
        options.run_b,
        team=options.team,
        other=options.with_team,
        replicates=options.bootstrap,
        seed=options.seed,
        manifest_path=options.manifest,
    )
    for comparison in compared.comparisons:
        say_comparison(comparison)
    for note in dict.fromkeys(n for c in compared.comparisons for n in c.notes):
        warn(Finding(where="this comparison", found=note))
    if options.json:
        write_comparison_json(options.json, compared)
        say(f"all of it, as JSON: {options.json}")
    if options.html:
        with show_progress("drawing") as progress:
            write_comparison(options.html, compared, progress=progress)
        say(f"page: {options.html}")
    return 0
