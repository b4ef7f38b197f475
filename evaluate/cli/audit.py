"""`segjudge audit`."""

import argparse
from contextlib import nullcontext

from evaluate.auditing import Finding
from evaluate.cli.sandboxes import sandbox_of
from evaluate.cli.terminal import say, show_progress
from evaluate.pipeline.audits import audit_run

__all__ = ["audit"]

_MOST_FINDINGS = 20
_MOST_CELLS = 5


def audit(options: argparse.Namespace) -> int:
    """Check a run's files, scores and places; 1 if anything is open."""
    opened = sandbox_of(options) if options.rerun else nullcontext()
    with opened as sandbox, show_progress("auditing") as progress:
        found = audit_run(
            options.run_dir,
            manifest_path=options.manifest,
            sandbox=sandbox,
            progress=progress,
        )
    say("looked at " + ", ".join(f"{count} {what}" for what, count in found.checked.items()))
    _say_findings(found.findings)
    say(f"{'passed' if found.passed else 'did not pass'}: {options.run_dir / 'audit.json'}")
    return 0 if found.passed else 1


def _say_findings(findings: list[Finding]) -> None:
    for finding in findings[:_MOST_FINDINGS]:
        mark = "ok  " if finding.is_harmless else "LOOK"
        say(f"{mark}  {finding.cause}: {finding.where}")
        say(f"      recorded {finding.recorded}, found {finding.found}")
        for cell in finding.cells[:_MOST_CELLS] if len(finding.cells) > 1 else ():
            say(f"      {cell.where}: {cell.recorded} recorded, {cell.found} by what is there")
        if len(finding.cells) > _MOST_CELLS:
            say(f"      and {len(finding.cells) - _MOST_CELLS} more cells; audit.json has all")
    if len(findings) > _MOST_FINDINGS:
        say(f"LOOK  {len(findings) - _MOST_FINDINGS} more findings; audit.json has all")
