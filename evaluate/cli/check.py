"""`segjudge check`."""

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from data_manifest.findings import passes
from evaluate.cli.sandboxes import add_sandbox_arguments, sandbox_of
from evaluate.cli.terminal import say, show_progress

if TYPE_CHECKING:
    from evaluate.facts.rules import Rules
    from evaluate.pipeline.checks import SubmissionCheck


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge check`."""
    command.add_argument("reference", metavar="REF")
    cases = command.add_mutually_exclusive_group()
    cases.add_argument(
        "--manifest", type=Path, help="cases of your own (default: the sanity cases)"
    )
    cases.add_argument(
        "--case", type=Path, metavar="FILE", help="a case that the page of `segjudge try` saved"
    )
    command.add_argument("--protocol", help="(default: cvpr24; of --case, its own)")
    command.add_argument("--static", action="store_true", help="look at it, and run nothing")
    command.add_argument("--json", type=Path, metavar="FILE", help="all findings, as data")
    command.add_argument("--html", type=Path, metavar="FILE", help="a page with pictures")
    add_sandbox_arguments(command)


def call(options: argparse.Namespace) -> int:
    """Check a submission; 1 if there is a problem, 3 if it needs an engine that is not there."""
    from evaluate.auditing.bundles.zip_files import unpack_saved_case
    from evaluate.cli.check_words import check_document, say_check
    from evaluate.documents.tables import write_atomically, write_document
    from evaluate.facts.rules import load_protocol
    from evaluate.pipeline.checks import NEEDS_ENGINE
    from evaluate.reporting.check_page import check_page
    from evaluate.sandbox.scratch import scratch_folder

    with scratch_folder() if options.case else nullcontext(Path()) as folder:
        manifest, protocol = options.manifest, None
        if options.case:
            manifest, protocol = unpack_saved_case(options.case, folder)
        if options.protocol or protocol is None:
            protocol = load_protocol(options.protocol or "cvpr24")
        options.protocol = options.protocol or protocol.name
        done = _checked(options, manifest, protocol)
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


def _checked(
    options: argparse.Namespace, manifest: Path | None, protocol: "Rules"
) -> "SubmissionCheck":
    from evaluate.pipeline.checks import check_submission

    opened = nullcontext() if options.static else sandbox_of(options)
    with opened as sandbox, show_progress("checking") as progress:
        return check_submission(
            options.reference,
            manifest_path=manifest,
            protocol=protocol,
            sandbox=sandbox,
            environment=options.environment,
            pictures=options.html is not None,
            progress=progress,
        )
