"""`segjudge check`."""

import argparse
import tempfile
from pathlib import Path

from data_manifest.build import build_demo
from evaluate.cli.sandboxes import sandbox_of
from evaluate.cli.terminal import number, say, show_progress, table, warn
from evaluate.pipeline.proofs import CheckedCase, check_submission
from evaluate.protocol import load_protocol
from evaluate.records import Outcome
from evaluate.tables import write_json

__all__ = ["check"]

_NEAR = 0.8


def check(options: argparse.Namespace) -> int:
    """Check a submission; 1 if a case fails."""
    protocol = load_protocol(options.protocol)
    with tempfile.TemporaryDirectory(prefix="segjudge-") as scratch:
        manifest: Path | None = options.manifest
        if manifest is None:
            data = Path(scratch) / "data"
            with show_progress("building demo data") as progress:
                build_demo(data, seed=0, progress=progress)
            manifest = data / "manifest.json"
        with sandbox_of(options) as sandbox, show_progress("checking") as progress:
            cases = check_submission(
                options.reference,
                manifest_path=manifest,
                protocol=protocol,
                sandbox=sandbox,
                progress=progress,
            )
    return _say(options, cases)


def _say(options: argparse.Namespace, cases: list[CheckedCase]) -> int:
    failed = [case for case in cases if case.score.outcome is not Outcome.OK]
    table(
        f"Check of {options.reference} by protocol {options.protocol}",
        ["case", "outcome", "DSC", "NSD", "of time limit", "of memory limit"],
        [
            [
                case.score.case,
                str(case.score.outcome),
                number(case.score.dsc),
                number(case.score.nsd),
                _percent(case.time_share),
                _percent(case.memory_share),
            ]
            for case in cases
        ],
    )
    for case in failed:
        say(f"{case.score.case}: {case.score.outcome}: {case.score.reason}")
    for case in cases:
        for what, share in (("time", case.time_share), ("memory", case.memory_share)):
            if case.score.outcome is Outcome.OK and share is not None and share > _NEAR:
                warn(f"{case.score.case} used {share:.0%} of the {what} limit")
    if options.json:
        rows = [
            {
                "case": case.score.case,
                "outcome": str(case.score.outcome),
                "reason": case.score.reason,
                "dsc": case.score.dsc,
                "nsd": case.score.nsd,
                "time_share": case.time_share,
                "memory_share": case.memory_share,
            }
            for case in cases
        ]
        write_json(options.json, {"schema": 1, "passed": not failed, "cases": rows})
    say(f"{len(cases) - len(failed)} of {len(cases)} cases ok: {'FAILED' if failed else 'passed'}")
    return 1 if failed else 0


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
