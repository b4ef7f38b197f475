"""`segjudge audit --published`."""

import argparse
import dataclasses

from data_manifest.errors import printable
from evaluate.auditing.published_audit import audit_table
from evaluate.cli.terminal import say
from evaluate.documents.tables import write_json
from evaluate.facts.errors import Problem, UsageError

__all__ = ["audit_published"]

_OF_A_RUN = ("rerun", "sample", "bundle", "sign", "verify", "key", "references", "manifest")
"""Options that say something of a run's audit only."""


def audit_published(options: argparse.Namespace) -> int:
    """Check a paper's table; 1 if a cell, a rank or a row does not hold."""
    others = [name for name in _OF_A_RUN if vars(options).get(name)]
    if options.published is None or others:
        raise UsageError(
            Problem(
                where="segjudge audit",
                found=f"--published with --{others[0]}" if options.published else "no --published",
                expected="RUN_DIR alone (a run's audit writes audit.json), or --published FILE"
                " [RUN_DIR] [--json FILE]",
                mend="`segjudge audit --help` shows both",
            )
        )
    found = audit_table(options.published, options.run_dir)
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
                "table": str(options.published),
                "run": None if options.run_dir is None else str(options.run_dir),
                "passed": found.passed,
                **dataclasses.asdict(found),
            },
        )
    count = len(found.findings)
    say("passed" if found.passed else f"did not pass: {count} finding{'s' if count > 1 else ''}")
    return 0 if found.passed else 1
