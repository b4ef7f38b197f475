"""`segjudge init`."""

import argparse
import shlex

from evaluate.checking.starter import write_starter
from evaluate.cli.terminal import say
from evaluate.facts.rules import load_protocol

__all__ = ["init"]


def init(options: argparse.Namespace) -> int:
    """Write a new submission's folder."""
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
