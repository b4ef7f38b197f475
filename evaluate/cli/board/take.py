"""`segjudge board take`."""

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from evaluate.cli.clusters import add_cluster_arguments, cluster_of
from evaluate.cli.command_arguments import positive
from evaluate.cli.sandboxes import add_sandbox_arguments, sandbox_of
from evaluate.cli.terminal import say, show_progress, warn

if TYPE_CHECKING:
    from evaluate.board.challenge import ChallengeFolder
    from evaluate.documents.board_log import BoardEvent


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge board take`."""
    command.add_argument("dir", type=Path, metavar="DIR")
    command.add_argument("--watch", action="store_true", help="go on looking until Ctrl-C")
    command.add_argument(
        "--every", type=positive, default=30, metavar="S", help="seconds between looks"
    )
    add_cluster_arguments(command)
    add_sandbox_arguments(command)


def call(options: argparse.Namespace) -> int:
    """Take what is new, and go on looking where asked to."""
    from datetime import UTC, datetime

    from evaluate.board.challenge import ChallengeFolder
    from evaluate.board.site import publish_site, states
    from evaluate.board.taking import board_held, take_what_is_new

    folder = ChallengeFolder(options.dir)
    cluster = cluster_of(options)
    said, published = set(), None
    with board_held(options.dir), sandbox_of(options) as sandbox:
        while True:
            with show_progress("board") as progress:
                done = take_what_is_new(
                    folder,
                    sandbox=sandbox,
                    cluster=cluster,
                    again=published is None,
                    progress=progress,
                )
            _say_events(done.events)
            notes = list(done.notes)
            now = datetime.now(UTC)
            shown = (folder.challenge, states(folder, now))
            if done.events or shown != published:
                notes += publish_site(folder, now=now)
                published = shown
            for note in notes:
                if str(note) not in said:
                    warn(note)
            said = set(map(str, notes))
            if not options.watch:
                say(f"site: {folder.site / 'index.html'}")
                return 0
            time.sleep(options.every)
            folder = _as_it_is_now(folder)


def _as_it_is_now(folder: "ChallengeFolder") -> "ChallengeFolder":
    """With a challenge.toml that was changed meanwhile; with the last good one where it is wrong.

    Its protocols and manifests are read anew with it.
    """
    from evaluate.board.challenge import ChallengeFolder
    from evaluate.facts.errors import UsageError

    try:
        new = ChallengeFolder(folder.root)
    except UsageError as error:
        for problem in error.problems:
            warn(problem)
        return folder
    if new.challenge == folder.challenge:
        return folder
    say("challenge.toml was changed, and is taken up")
    return new


def _say_events(events: "Iterable[BoardEvent]") -> None:
    from evaluate.board.submission_pages import NOT_RUN
    from evaluate.documents.board_log import BatchRun, CameAgain

    for event in events:
        if isinstance(event, BatchRun):
            numbers = ", ".join(f"{number:04d}" for number in event.numbers)
            say(f"{event.phase}: ran {numbers}")
        elif isinstance(event, CameAgain):
            say(f"{event.file.team} {event.file.name}: the same as {event.number:04d}, not run")
        else:
            state = f"not run: {NOT_RUN[event.not_run]}" if event.not_run else event.phase
            say(f"{event.number:04d} {event.file.team} {event.file.name}: {state}")
