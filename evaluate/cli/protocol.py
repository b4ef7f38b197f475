"""`segjudge protocol list`, `segjudge protocol show` and `segjudge protocol check`."""

import argparse
import json

from evaluate.cli.command_arguments import CommandParser, group_command
from evaluate.cli.terminal import say


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
    command = group_command(
        into,
        "check",
        "Check a protocol's file, and explain what it says in sentences.",
        "segjudge protocol check mine.toml",
    )
    command.set_defaults(call=check)
    command.add_argument("name", help="built-in name or TOML file")
    command.add_argument(
        "--json", action="store_true", help="print every key with its value instead, bases included"
    )


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


def check(options: argparse.Namespace) -> int:
    """Explain a protocol, after checking it whole."""
    from evaluate.facts.rules import load_protocol
    from evaluate.reporting.rules_told import changes, corrected_twin, rules_told

    rules = load_protocol(options.name)
    if options.json:
        say(json.dumps(rules.to_json(), indent=1))
        return 0
    heading = ""
    for line in rules_told(rules):
        if line.heading != heading:
            heading = line.heading
            say(f"\n{heading}")
        say(f"  {line.text}")
    twin = corrected_twin(rules)
    if twin is not None:
        say(f"\nWhat {twin.name} does instead")
        for line in changes(rules, twin):
            say(f"  {line.text}")
    return 0
