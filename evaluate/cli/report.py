"""`segjudge report`."""

import argparse
import webbrowser
from pathlib import Path

from evaluate.cli.terminal import say, show_progress, warn
from evaluate.facts.errors import Finding


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge report`."""
    command.add_argument("run_dir", type=Path)
    command.add_argument("--manifest", type=Path, help="where the data lie now, if moved")
    command.add_argument("--open", action="store_true", help="show it in the browser")


def call(options: argparse.Namespace) -> int:
    """Write a run's report; what was never scored or ranked is first."""
    from evaluate.facts.scores import CaseScore
    from evaluate.ranking.stage import RankOptions, rank_run
    from evaluate.reporting.page import report_run
    from evaluate.scoring.stage import score_run
    from evaluate.store import RunDirectory

    run = RunDirectory.open(options.run_dir)
    if not run.table_path(CaseScore).is_file():
        with show_progress("scoring") as progress:
            score_run(options.run_dir, manifest_path=options.manifest, progress=progress)
    if run.document().ranked_from is None:
        for note in rank_run(options.run_dir, RankOptions()).notes:
            warn(Finding(where=str(options.run_dir), found=note))
    with show_progress("report") as progress:
        path = report_run(options.run_dir, manifest_path=options.manifest, progress=progress)
    say(f"report: {path}")
    if options.open:
        webbrowser.open(path.resolve().as_uri())
    return 0
