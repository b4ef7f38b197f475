"""`segjudge init`."""

import argparse
import shlex
from pathlib import Path

from evaluate.cli.terminal import say


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge init`."""
    command.add_argument("name", type=Path, metavar="NAME", help="the new folder")
    command.add_argument("--protocol", default="cvpr24", help="built-in name, or a TOML file")


def call(options: argparse.Namespace) -> int:
    """Write a new submission's folder."""
    from evaluate.checking.starter import write_starter
    from evaluate.facts.rules import load_protocol

    protocol = load_protocol(options.protocol)
    files = write_starter(options.name, protocol=protocol, called=options.protocol)
    for path in files:
        say(f"wrote {path}")
    name = shlex.quote(str(options.name))
    # The default needs no word.
    option = "" if options.protocol == "cvpr24" else f" --protocol {shlex.quote(options.protocol)}"
    say(f"your model goes into {options.name}/predict.py")
    say(f"next: segjudge check {name}{option}")
    return 0
