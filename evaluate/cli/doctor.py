"""`segjudge doctor`."""

import argparse
import tempfile
from pathlib import Path

from evaluate.checking import examine_engine, examine_machine
from evaluate.cli.terminal import say

__all__ = ["doctor"]


def doctor(options: argparse.Namespace) -> int:
    """Say what works here; 3 if no engine answers."""
    if options.engine:
        with tempfile.TemporaryDirectory(prefix="segjudge-") as scratch:
            findings = examine_engine(Path(scratch))
    else:
        findings = examine_machine()
    for finding in findings:
        say(f"{'ok  ' if finding.good else 'LOOK'}  {finding.subject}: {finding.found}")
        if not finding.good:
            say(f"      {finding.meaning}")
    return 3 if any(f.subject == "engine" and not f.good for f in findings) else 0
