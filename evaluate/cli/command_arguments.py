"""What the commands' arguments are made of."""

import argparse
from typing import Any, NoReturn

from evaluate.facts.errors import UsageError


class CommandParser(argparse.ArgumentParser):
    """Wrong use is one of our errors, and `--help` keeps the example's lines."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        options.setdefault("allow_abbrev", False)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the use."""
        raise UsageError(where=self.prog, found=message, mend=f"`{self.prog} --help` shows how")


def positive(text: str) -> int:
    """A whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not 1 or more")
    return value


def natural(text: str) -> int:
    """A whole number from 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is not 0 or more")
    return value


positive.__name__ = natural.__name__ = "whole number"
