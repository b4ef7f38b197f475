"""`segjudge published`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from data_manifest.errors import printable
from evaluate.cli.terminal import say, say_finding


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge published`."""
    command.add_argument("table", type=Path, help="of the paper, as CSV")
    command.add_argument("run_dir", type=Path, nargs="?", help="whose scores it should hold")
    command.add_argument("--json", type=Path, metavar="FILE", help="what was found, as data")


def call(options: argparse.Namespace) -> int:
    """Check a paper's table; 1 if a cell, a rank or a row does not hold, or nothing is known."""
    from evaluate.auditing.published_tables import audit_table
    from evaluate.documents.tables import write_document

    verdict = audit_table(options.table, options.run_dir)
    for text in verdict.holds:
        say(f"ok    {printable(text)}")
    for text in verdict.notes:
        say(f"note  {printable(text)}")
    for finding in verdict.findings:
        say_finding(finding)
    if options.json:
        run = None if options.run_dir is None else str(options.run_dir)
        write_document(options.json, verdict.document(str(options.table), run))
    count = len(verdict.findings)
    if count:
        say(f"did not pass: {count} finding{'s' if count > 1 else ''}")
        return 1
    say(_passed(verdict.checked, with_run=options.run_dir is not None))
    return 0 if verdict.passed else 1


def _passed(checked: Sequence[str], *, with_run: bool) -> str:
    """What held, and what there was nothing to hold against."""
    beside = "" if with_run else "; no run was given: whether these are its scores was not checked"
    if not checked:
        return f"nothing could be checked: no metric that is known, no average, no rank{beside}"
    missing = [what for what in ("averages", "ranks") if what not in checked]
    if missing:
        beside = f"; the table has no {' and no '.join(missing)} to check{beside}"
    return f"passed: {', '.join(checked)}{beside}"
