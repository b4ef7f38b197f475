"""`segjudge check`."""

import argparse
from contextlib import nullcontext
from pathlib import Path

from data_manifest.findings import passes
from evaluate.cli.sandboxes import add_sandbox_arguments, sandbox_of
from evaluate.cli.terminal import say, show_progress


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge check`."""
    command.add_argument("reference", metavar="REF")
    command.add_argument(
        "--manifest", type=Path, help="cases of your own (default: the sanity cases)"
    )
    command.add_argument("--protocol", default="cvpr24")
    command.add_argument("--static", action="store_true", help="look at it, and run nothing")
    command.add_argument("--json", type=Path, metavar="FILE", help="all findings, as data")
    command.add_argument("--html", type=Path, metavar="FILE", help="a page with pictures")
    add_sandbox_arguments(command)


def call(options: argparse.Namespace) -> int:
    """Check a submission; 1 if there is a problem, 3 if it needs an engine that is not there."""
    from evaluate.cli.check_words import check_document, say_check
    from evaluate.documents.tables import write_atomically, write_document
    from evaluate.facts.rules import load_protocol
    from evaluate.pipeline.checks import NEEDS_ENGINE, check_submission
    from evaluate.reporting.check_page import check_page

    protocol = load_protocol(options.protocol)
    opened = nullcontext() if options.static else sandbox_of(options)
    with opened as sandbox, show_progress("checking") as progress:
        done = check_submission(
            options.reference,
            manifest_path=options.manifest,
            protocol=protocol,
            sandbox=sandbox,
            environment=options.environment,
            pictures=options.html is not None,
            progress=progress,
        )
    say_check(options, done)
    if options.json:
        write_document(options.json, check_document(options, done))
    if options.html:
        page = check_page(
            options.reference,
            protocol=protocol,
            findings=done.findings,
            cases=done.cases,
            not_run=done.not_run,
        )
        write_atomically(options.html, page.encode("utf-8"))
        say(f"page: {options.html}")
    if not passes(done.findings):
        return 1
    return 3 if done.not_run == NEEDS_ENGINE else 0
