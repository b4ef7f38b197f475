"""`segjudge completion`."""

import argparse

from evaluate.cli.terminal import say

_SHELLS = ("bash", "zsh", "fish")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The shell."""
    command.add_argument("shell", choices=_SHELLS)


def call(options: argparse.Namespace) -> int:
    """Print the shell's script."""
    import shtab  # not for other commands

    from evaluate.cli.commands import whole_parser

    say(shtab.complete(whole_parser(), shell=options.shell))
    return 0
