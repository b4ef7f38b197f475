"""`segjudge doctor`."""

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path

from evaluate.cli.terminal import say
from evaluate.doctor import examine_engine, examine_machine
from evaluate.documents.tables import write_json

__all__ = ["doctor"]


def doctor(options: argparse.Namespace) -> int:
    """Say what works here; 3 if no engine answers."""
    if options.engine:
        with tempfile.TemporaryDirectory(prefix="segjudge-") as scratch:
            findings = examine_engine(Path(scratch))
    else:
        findings = examine_machine()
    missing = any(f.subject == "engine" and not f.good for f in findings)
    if options.json:
        rows = [
            {**asdict(f), "bears_on": f.bears_on, "meaning": "" if f.good else f.meaning}
            for f in findings
        ]
        write_json(options.json, {"schema": 1, "engine": not missing, "findings": rows})
    for finding in findings:
        mark = "ok  " if finding.good else "LOOK"
        say(f"{mark}  {finding.subject}: {finding.found} ({finding.bears_on})")
        if not finding.good:
            say(f"      {finding.meaning}")
    return 3 if missing else 0
