"""`segjudge protocol list`."""

import argparse

from evaluate.cli.terminal import say


def add_arguments(command: argparse.ArgumentParser) -> None:
    """None."""


def call(options: argparse.Namespace) -> int:
    """List the built-in protocols."""
    from evaluate.facts.rules import builtin_protocols, load_protocol

    for name in builtin_protocols():
        say(f"{name:10} {load_protocol(name).title}")
    return 0
