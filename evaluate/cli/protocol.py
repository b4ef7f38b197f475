"""`segjudge protocol list` and `segjudge protocol show`."""

import argparse

from evaluate.cli.command_arguments import CommandParser, group_command
from evaluate.cli.terminal import say

__all__ = ["add_arguments"]


def add_arguments(group: CommandParser) -> None:
    """The commands of `segjudge protocol`, and their arguments."""
    into = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    command = group_command(into, "list", "List the built-in protocols.", "segjudge protocol list")
    command.set_defaults(call=names)
    command = group_command(
        into,
        "show",
        "Print a protocol's file, traps and all, as TOML.",
        "segjudge protocol show cvpr24 > mine.toml",
    )
    command.set_defaults(call=show)
    command.add_argument("name")


def names(options: argparse.Namespace) -> int:
    """List the built-in protocols."""
    from evaluate.facts.rules import builtin_protocols, load_protocol

    for name in builtin_protocols():
        say(f"{name:10} {load_protocol(name).title}")
    return 0


def show(options: argparse.Namespace) -> int:
    """Print a protocol's TOML, after checking it whole."""
    from evaluate.facts.protocol_files import protocol_text
    from evaluate.facts.rules import load_protocol

    load_protocol(options.name)
    say(protocol_text(options.name).rstrip("\n"))
    return 0
