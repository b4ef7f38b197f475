"""`segjudge export codabench`."""

import argparse
from datetime import UTC, datetime

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
    """Write the bundle."""
    from evaluate.exporting.codabench_bundle import export_codabench

    rules = protocol_of(options)
    export_codabench(
        options.out,
        protocol=rules,
        references=options.references,
        image=image_of(options, rules),
        now=datetime.now(UTC),
    )
    return say_done(options)
