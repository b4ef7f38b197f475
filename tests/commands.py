"""Every command of the command line."""

from evaluate.cli import board, export, manifest, protocol
from evaluate.cli.commands import COMMANDS

_GROUPS = {"board": board, "export": export, "manifest": manifest, "protocol": protocol}


def every_command() -> list[list[str]]:
    """By its words; a group is each of its commands."""
    alone = [[name] for name in COMMANDS if name not in _GROUPS]
    return alone + [[name, word] for name, group in _GROUPS.items() for word in group.COMMANDS]
