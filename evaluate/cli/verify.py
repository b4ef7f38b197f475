"""`segjudge verify`."""

import argparse
from pathlib import Path
from typing import TypeAlias

from data_manifest.findings import Finding, printable
from evaluate.cli.command_arguments import positive
from evaluate.cli.terminal import say, show_progress, warn

_Arguments: TypeAlias = argparse.ArgumentParser | argparse._ArgumentGroup


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge verify`."""
    command.add_argument("bundle", type=Path, metavar="BUNDLE", help="of `segjudge bundle`")
    add_check_arguments(command)
    command.add_argument("--jobs", type=positive, help="processes (default: one a CPU)")


def add_check_arguments(command: _Arguments) -> None:
    """What a bundle is checked by."""
    command.add_argument("--key", type=Path, metavar="PUBLIC", help="who must have signed it")
    command.add_argument(
        "--references", type=Path, metavar="DIR", help="references to score its masks by"
    )


def call(options: argparse.Namespace) -> int:
    """Check a bundle's files, signature, scores and places; 1 if anything is open."""
    from evaluate.auditing.bundles import verify_bundle
    from evaluate.cli.audit_words import say_audit

    with show_progress("verifying") as progress:
        made = verify_bundle(
            options.bundle,
            key_file=options.key,
            references=options.references,
            workers=options.jobs,
            progress=progress,
        )
    say(f"bundle: {made.files} files; {printable(made.signature)}")
    if not made.scored:
        warn(
            Finding(
                where=str(options.bundle),
                found="it has no references: scores were not computed again",
                mend="--references names their folder",
            )
        )
    say_audit(made.audit)
    say(f"{'passed' if made.audit.passed else 'did not pass'}: {options.bundle}")
    return 0 if made.audit.passed else 1
