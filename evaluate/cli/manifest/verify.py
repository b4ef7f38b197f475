"""`segjudge manifest verify`."""

import argparse
from pathlib import Path

from data_manifest.errors import ManifestError
from evaluate.cli.terminal import say, show_progress


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The manifest."""
    command.add_argument("manifest", type=Path)


def call(options: argparse.Namespace) -> int:
    """Name every missing, altered, surplus or malformed file; 2 if there is any."""
    from data_manifest.manifest import load_manifest
    from data_manifest.verify import verify_manifest

    with show_progress("verifying") as progress:
        problems = verify_manifest(options.manifest, progress=progress)
    if problems:
        raise ManifestError(*problems)
    say(f"{options.manifest}: {len(load_manifest(options.manifest).cases)} cases, all intact")
    return 0
