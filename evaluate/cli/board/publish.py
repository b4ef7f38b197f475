"""`segjudge board publish`."""

import argparse
from pathlib import Path

from evaluate.cli.terminal import say, warn


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge board publish`."""
    command.add_argument("dir", type=Path, metavar="DIR")


def call(options: argparse.Namespace) -> int:
    """Write the site anew."""
    from datetime import UTC, datetime

    from evaluate.board.challenge import ChallengeFolder
    from evaluate.board.site import publish_site
    from evaluate.board.taking import board_held

    folder = ChallengeFolder(options.dir)
    with board_held(options.dir):
        for note in publish_site(folder, now=datetime.now(UTC)):
            warn(note)
    say(f"site: {folder.site / 'index.html'}")
    return 0
