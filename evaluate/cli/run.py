"""`segjudge run`."""

import argparse
import tempfile
from pathlib import Path
from typing import Literal

from evaluate.cli.terminal import say, show_progress, warn
from evaluate.pipeline import parse_submissions, run_submissions
from evaluate.protocol import load_protocol
from evaluate.records import Outcome, RunRecord
from evaluate.sandbox import open_sandbox
from evaluate.store import RunDirectory

__all__ = ["run", "run_into", "say_outcomes"]

NOT_ISOLATED = (
    "the local sandbox is not isolated: a submission can read and change this machine's files;"
    " its results are not valid for official scoring"
)


def run(options: argparse.Namespace) -> int:
    """Run submissions on every case of a manifest."""
    made = run_into(
        options.run_dir,
        manifest=options.manifest,
        protocol=options.protocol,
        references=parse_submissions(options.submission),
        sandbox=options.sandbox,
        seed=options.seed,
        jobs=options.jobs,
    )
    say_outcomes(made)
    say(f"next: segjudge score {options.run_dir}")
    return 0


def run_into(
    root: Path,
    *,
    manifest: Path,
    protocol: str,
    references: dict[str, str],
    sandbox: Literal["auto", "docker", "local"],
    seed: int,
    jobs: int = 1,
) -> RunDirectory:
    """Open the sandbox, run, and close it, whatever happens."""
    rules = load_protocol(protocol)
    with tempfile.TemporaryDirectory(prefix="segjudge-") as scratch:
        opened = open_sandbox(sandbox, scratch=Path(scratch))
        try:
            if not opened.isolated:
                warn(NOT_ISOLATED)
            if jobs > 1:
                warn("several containers at a time: the times can't be compared")
            with show_progress("running") as progress:
                return run_submissions(
                    manifest_path=manifest,
                    protocol=rules,
                    references=references,
                    root=root,
                    sandbox=opened,
                    seed=seed,
                    parallel=jobs,
                    progress=progress,
                )
        finally:
            opened.close()


def say_outcomes(run: RunDirectory) -> None:
    """How many cases ended how, and each failure's reason."""
    records = run.read_rows(RunRecord)
    failed = [record for record in records if record.outcome is not Outcome.OK]
    say(f"{len(records)} runs, {len(records) - len(failed)} ok")
    for record in failed[:20]:
        say(f"  {record.team} {record.case}: {record.outcome}: {record.reason}")
    if len(failed) > 20:
        say(f"  and {len(failed) - 20} more; see {run.table_path(RunRecord)}")
