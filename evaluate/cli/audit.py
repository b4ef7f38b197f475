"""`segjudge audit`, and the first spellings of `verify`, `bundle` and `published`."""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from evaluate.cli import bundle, published, verify
from evaluate.cli.clusters import add_cluster_arguments, cluster_of
from evaluate.cli.command_arguments import natural, positive
from evaluate.cli.sandboxes import add_sandbox_arguments, sandbox_of
from evaluate.cli.terminal import say, show_progress, warn
from evaluate.facts.errors import EngineMissingError, Finding, UsageError

if TYPE_CHECKING:
    from evaluate.sandbox import Sandbox

_OF_A_RUN = ("rerun", "sample", "bundle", "sign", "verify", "key", "references", "manifest")
"""Options that say something of a run's audit only, or of a bundle."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge audit`."""
    command.add_argument("run_dir", type=Path, nargs="?")
    command.add_argument("--manifest", type=Path, help="where the data lie now, if moved")
    command.add_argument("--jobs", type=positive, help="processes (default: one a CPU)")
    command.add_argument("--rerun", action="store_true", help="run the submissions again, twice")
    command.add_argument(
        "--sample",
        type=positive,
        metavar="N",
        help="with --rerun: so many cases, each modality with its share (default: all)",
    )
    command.add_argument("--seed", type=natural, default=0, help="of the sample")
    add_cluster_arguments(command)
    add_sandbox_arguments(command)
    others = command.add_argument_group("spellings of other commands, which go on working")
    others.add_argument(
        "--bundle", type=Path, metavar="FILE", help="then write the evidence: `segjudge bundle`"
    )
    bundle.add_contents_arguments(others)
    others.add_argument("--verify", type=Path, metavar="FILE", help="`segjudge verify FILE`")
    verify.add_check_arguments(others)
    others.add_argument(
        "--published", type=Path, metavar="FILE", help="`segjudge published FILE [RUN_DIR]`"
    )
    others.add_argument("--json", type=Path, metavar="FILE", help="with --published: its result")


def call(options: argparse.Namespace) -> int:
    """Check a run's files, scores and places; 1 if anything is open."""
    from evaluate.auditing.examination import RerunOptions
    from evaluate.cli.audit_words import say_audit
    from evaluate.pipeline.audits import audit_run

    _check_options(options)
    if options.published is not None:
        options.table = options.published
        return published.call(options)
    if options.verify is not None:
        options.bundle = options.verify
        return verify.call(options)
    again = None
    if options.rerun:
        cluster = cluster_of(options)
        again = RerunOptions(sample=options.sample, seed=options.seed, cluster=cluster)
    with _sandbox_for(options) as sandbox, show_progress("auditing") as progress:
        made = audit_run(
            options.run_dir,
            manifest_path=options.manifest,
            sandbox=sandbox,
            again=again,
            workers=options.jobs,
            progress=progress,
        )
    say_audit(made)
    if options.bundle is not None:
        options.out = options.bundle
        bundle.call(options)
    say(f"{'passed' if made.passed else 'did not pass'}: {options.run_dir / 'audit.json'}")
    return 0 if made.passed else 1


def _check_options(options: argparse.Namespace) -> None:
    """Options that say nothing together are wrong use, not something to pass over."""
    expected = "RUN_DIR [--rerun ...] [--bundle ...], or --verify FILE"
    wrong = ""
    bundling = options.include_images or options.include_references or options.sign
    if options.published is not None or options.json is not None:
        others = [name for name in _OF_A_RUN if vars(options).get(name)]
        expected = (
            "RUN_DIR alone (a run's audit writes audit.json), or --published FILE [RUN_DIR]"
            " [--json FILE]"
        )
        if options.published is None:
            wrong = "no --published"
        elif others:
            wrong = f"--published with --{others[0]}"
    elif (options.run_dir is None) == (options.verify is None):
        wrong = "neither a run directory nor --verify, or both"
    elif options.bundle is None and bundling:
        wrong = "options of a bundle without --bundle"
    elif options.verify is None and (options.key or options.references):
        wrong = "--key or --references without --verify"
    elif options.verify is not None and (options.rerun or options.bundle or options.manifest):
        wrong = "--verify with an option of a run directory"
    elif not options.rerun and (options.sample is not None or options.cluster is not None):
        wrong = f"--{'cluster' if options.sample is None else 'sample'} without --rerun"
    if wrong:
        raise UsageError(
            where="segjudge audit",
            found=wrong,
            expected=expected,
            mend="`segjudge audit --help` shows both",
        )


@contextmanager
def _sandbox_for(options: argparse.Namespace) -> "Iterator[Sandbox | None]":
    """The run's own sandbox, to run again or to look up images that only an engine holds."""
    from evaluate.store import RunDirectory

    document = RunDirectory.open(options.run_dir).document()
    name = document.last_machine.sandbox.name
    tagged = any(entry.kind == "reference" for entry in document.submissions)
    if options.sandbox == "auto":
        options.sandbox = name
    if options.rerun:
        with sandbox_of(options) as sandbox:
            yield sandbox
        return
    with ExitStack() as stack:
        opened = None
        if tagged and options.sandbox in ("docker", "podman"):
            try:
                opened = stack.enter_context(sandbox_of(options))
            except EngineMissingError:
                warn(
                    Finding(
                        where="images",
                        found="whether they were replaced is not known: no container engine",
                        mend="`segjudge doctor` says what it lacks",
                    )
                )
        yield opened
