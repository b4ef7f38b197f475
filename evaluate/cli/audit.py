"""`segjudge audit`."""

import argparse
from contextlib import nullcontext

from evaluate.auditing import Difference
from evaluate.cli.sandboxes import sandbox_of
from evaluate.cli.terminal import say, show_progress
from evaluate.pipeline.audits import audit_run

__all__ = ["audit"]


def audit(options: argparse.Namespace) -> int:
    """Check a run's files, scores and places; 1 if anything differs."""
    opened = sandbox_of(options) if options.rerun else nullcontext()
    with opened as sandbox, show_progress("auditing") as progress:
        found = audit_run(
            options.run_dir,
            manifest_path=options.manifest,
            sandbox=sandbox,
            progress=progress,
        )
    _say_part("files", found.files)
    if found.files:
        say("LOOK  scores: not computed again, since files were altered")
    else:
        _say_part("scores", found.scores)
    _say_part("ranking", found.ranks)
    if found.rerun is not None:
        _say_part("submissions run again", found.rerun)
    for case in found.open:
        say(f"LOOK  open: {case}")
    say(f"{'passed' if found.passed else 'did not pass'}: {options.run_dir / 'audit.json'}")
    return 0 if found.passed else 1


def _say_part(name: str, differences: list[Difference]) -> None:
    if not differences:
        say(f"ok    {name}: bit for bit as recorded")
        return
    say(f"LOOK  {name}: {len(differences)} differ")
    for difference in differences[:10]:
        say(f"      {difference.where}: recorded {difference.recorded}, found {difference.found}")
