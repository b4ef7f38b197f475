"""`segjudge protocol show`."""

import argparse

from evaluate.cli.terminal import say


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The protocol."""
    command.add_argument("name")


def call(options: argparse.Namespace) -> int:
    """Print a protocol's TOML, after checking it whole."""
    from evaluate.facts.protocol_files import protocol_text
    from evaluate.facts.rules import load_protocol

    load_protocol(options.name)
    say(protocol_text(options.name).rstrip("\n"))
    return 0
