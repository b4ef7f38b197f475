"""`segjudge board init`."""

import argparse
from pathlib import Path

from evaluate.cli.terminal import say


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge board init`."""
    command.add_argument("dir", type=Path, metavar="DIR")


def call(options: argparse.Namespace) -> int:
    """Write a new challenge's folder."""
    from datetime import UTC, datetime

    from evaluate.board.challenge import new_challenge

    path = new_challenge(options.dir, now=datetime.now(UTC))
    say(f"next: fill in {path}, then `segjudge board take {options.dir}`")
    return 0
