"""`segjudge report`."""

import argparse
import webbrowser
from pathlib import Path

from evaluate.cli.terminal import say, show_progress


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge report`."""
    command.add_argument("run_dir", type=Path)
    command.add_argument("--manifest", type=Path, help="where the data lie now, if moved")
    command.add_argument("--open", action="store_true", help="show it in the browser")


def call(options: argparse.Namespace) -> int:
    """Write a run's report."""
    from evaluate.reporting.report_of_run import report_run

    with show_progress("report") as progress:
        path = report_run(options.run_dir, manifest_path=options.manifest, progress=progress)
    say(f"report: {path}")
    if options.open:
        webbrowser.open(path.resolve().as_uri())
    return 0
