"""`segjudge bundle`."""

import argparse
from pathlib import Path
from typing import TypeAlias

from evaluate.cli.terminal import say

_Arguments: TypeAlias = argparse.ArgumentParser | argparse._ArgumentGroup


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge bundle`."""
    command.add_argument("run_dir", type=Path)
    command.add_argument("out", type=Path, help="the new file, a zip")
    command.add_argument("--manifest", type=Path, help="where the data lie now, if moved")
    add_contents_arguments(command)


def add_contents_arguments(command: _Arguments) -> None:
    """What goes into a bundle, and who signs it."""
    command.add_argument("--include-images", action="store_true", help="put the inputs in it")
    command.add_argument("--include-references", action="store_true", help="and the references")
    command.add_argument(
        "--sign", type=Path, metavar="KEYFILE", help="sign it with this Ed25519 private key"
    )


def call(options: argparse.Namespace) -> int:
    """Write a run's evidence for others, with the audit that was made last."""
    from evaluate.auditing.bundles import BundleOptions, write_bundle

    chosen = BundleOptions(
        images=options.include_images, references=options.include_references, key_file=options.sign
    )
    write_bundle(options.run_dir, options.out, chosen, manifest_path=options.manifest)
    say(f"bundle: {options.out}")
    return 0
