"""What a challenge is written for a platform from, and what is said then."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from evaluate.cli.terminal import say

if TYPE_CHECKING:
    from evaluate.facts.rules import Rules


def add_challenge_arguments(command: argparse.ArgumentParser) -> None:
    """The new folder, the protocol and the references."""
    command.add_argument("out", type=Path, metavar="OUT", help="new folder")
    command.add_argument("--protocol", required=True, help="built-in name or TOML file")
    command.add_argument("--references", type=Path, required=True, help="folder of references")


def add_image_argument(command: argparse.ArgumentParser) -> None:
    """The image that scores on the platform."""
    command.add_argument("--image", type=_image, help="what the image is called in your registry")


def _image(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._/:-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no image's name, such as registry/name:1.0")
    return text


def protocol_of(options: argparse.Namespace) -> "Rules":
    """The challenge's rules."""
    from evaluate.facts.rules import load_protocol

    return load_protocol(options.protocol)


def image_of(options: argparse.Namespace, rules: "Rules") -> str:
    """What the image is called, by the protocol where nothing was said."""
    return options.image or f"segjudge-{rules.name}:{rules.version}"


def say_done(options: argparse.Namespace) -> int:
    """Say what was written, and what comes next."""
    say(f"written: {options.out}")
    say(f"next: {options.out / 'README.md'}")
    return 0
