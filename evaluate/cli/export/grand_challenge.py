"""`segjudge export grand-challenge`."""

import argparse
import re

from evaluate.cli.export.platform_arguments import add_challenge_arguments, protocol_of, say_done


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The challenge, and its sockets."""
    add_challenge_arguments(command)
    command.add_argument(
        "--socket-in",
        type=_slug,
        default="medical-image",
        help="slug of the algorithm's input, whose image's name is the case's",
    )
    command.add_argument(
        "--socket-out",
        type=_slug,
        default="segmentation",
        help="slug of the output that is the mask",
    )


def _slug(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no slug, such as ct-image")
    return text


def call(options: argparse.Namespace) -> int:
    """Write the evaluation method."""
    from evaluate.exporting.evaluation_image import export_grand_challenge

    export_grand_challenge(
        options.out,
        protocol=protocol_of(options),
        references=options.references,
        socket_in=options.socket_in,
        socket_out=options.socket_out,
    )
    return say_done(options)
