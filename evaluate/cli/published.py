"""`segjudge published`."""

import argparse
import dataclasses
from pathlib import Path

from data_manifest.errors import printable
from evaluate.auditing.published_audit import audit_table
from evaluate.cli.terminal import say
from evaluate.documents.tables import write_json

__all__ = ["add_arguments", "call"]


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge published`."""
    command.add_argument("table", type=Path, help="of the paper, as CSV")
    command.add_argument("run_dir", type=Path, nargs="?", help="whose scores it should hold")
    command.add_argument("--json", type=Path, metavar="FILE", help="what was found, as data")


def call(options: argparse.Namespace) -> int:
    """Check a paper's table; 1 if a cell, a rank or a row does not hold."""
    found = audit_table(options.table, options.run_dir)
    for text in found.holds:
        say(f"ok    {printable(text)}")
    for text in found.notes:
        say(f"note  {printable(text)}")
    for finding in found.findings:
        say(f"LOOK  {printable(f'{finding.kind}: {finding.where}')}")
        say(f"      {printable(f'printed {finding.printed}, expected {finding.expected}')}")
    if options.json:
        write_json(
            options.json,
            {
                "schema": 1,
                "table": str(options.table),
                "run": None if options.run_dir is None else str(options.run_dir),
                "passed": found.passed,
                **dataclasses.asdict(found),
            },
        )
    count = len(found.findings)
    say("passed" if found.passed else f"did not pass: {count} finding{'s' if count > 1 else ''}")
    return 0 if found.passed else 1
