"""`segjudge export medperf`."""

import argparse

from evaluate.cli.export.platform_arguments import (
    add_challenge_arguments,
    add_image_argument,
    image_of,
    protocol_of,
    say_done,
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The challenge, and its image."""
    add_challenge_arguments(command)
    add_image_argument(command)


def call(options: argparse.Namespace) -> int:
    """Write the evaluator."""
    from evaluate.exporting.medperf_evaluator import export_medperf

    rules = protocol_of(options)
    image = image_of(options, rules)
    export_medperf(options.out, protocol=rules, references=options.references, image=image)
    return say_done(options)
