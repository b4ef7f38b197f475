"""`segjudge export masks`."""

import argparse
from pathlib import Path

from data_manifest.findings import Finding, listed
from evaluate.cli.terminal import say, show_progress, warn


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge export masks`."""
    command.add_argument("run_dir", type=Path)
    command.add_argument("out", type=Path, metavar="OUT", help="new folder")
    command.add_argument("--team", action="append", default=[], help="only this one; repeatable")
    command.add_argument("--manifest", type=Path, help="where the data lie now, if moved")


def call(options: argparse.Namespace) -> int:
    """Write the masks that count."""
    from evaluate.exporting.masks_of_run import export_masks
    from evaluate.store import RunDirectory

    with show_progress("writing masks") as progress:
        written, without = export_masks(
            RunDirectory.open(options.run_dir),
            options.out,
            teams=options.team,
            manifest_path=options.manifest,
            progress=progress,
        )
    if without:
        warn(Finding(where=str(options.run_dir), found=f"no mask that counts: {listed(without)}"))
    say(f"{written} masks: {options.out}")
    return 0
