"""`segjudge check`."""

import argparse
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from data_manifest.findings import Severity, passes
from evaluate.checking.examined import ExaminedCase
from evaluate.cli.sandboxes import add_sandbox_arguments, sandbox_of
from evaluate.cli.terminal import BY_SEVERITY, number, say, say_finding, show_progress, table
from evaluate.documents.check import CheckDocument, CheckedCase, checked_thing, write_check_document
from evaluate.documents.tables import write_atomically
from evaluate.facts.rules import load_protocol
from evaluate.pipeline.checks import (
    NEEDS_ENGINE,
    SubmissionCheck,
    check_submission,
)
from evaluate.reporting.case_pictures import CasePicture
from evaluate.reporting.check_page import check_page

__all__ = ["add_arguments", "call"]

_LOG_LINES = 12


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge check`."""
    command.add_argument("reference", metavar="REF")
    command.add_argument(
        "--manifest", type=Path, help="cases of your own (default: the sanity cases)"
    )
    command.add_argument("--protocol", default="cvpr24")
    command.add_argument("--static", action="store_true", help="look at it, and run nothing")
    command.add_argument("--json", type=Path, metavar="FILE", help="all findings, as data")
    command.add_argument("--html", type=Path, metavar="FILE", help="a page with pictures")
    add_sandbox_arguments(command)


def call(options: argparse.Namespace) -> int:
    """Check a submission; 1 if there is a problem, 3 if it needs an engine that is not there."""
    protocol = load_protocol(options.protocol)
    opened = nullcontext() if options.static else sandbox_of(options)
    with opened as sandbox, show_progress("checking") as progress:
        done = check_submission(
            options.reference,
            manifest_path=options.manifest,
            protocol=protocol,
            sandbox=sandbox,
            environment=options.environment,
            pictures=options.html is not None,
            progress=progress,
        )
    _say(options, done)
    if options.json:
        write_check_document(options.json, _document(options, done))
    if options.html:
        page = check_page(
            options.reference,
            protocol=protocol,
            findings=done.findings,
            cases=done.cases,
            not_run=done.not_run,
        )
        write_atomically(options.html, page.encode("utf-8"))
        say(f"page: {options.html}")
    if not passes(done.findings):
        return 1
    return 3 if done.not_run == NEEDS_ENGINE else 0


def _say(options: argparse.Namespace, done: SubmissionCheck) -> None:
    if done.cases:
        _cases(f"{options.reference} by protocol {options.protocol}", done.cases)
    good = [finding.code for finding in done.findings if finding.severity is Severity.OK]
    if good:
        say(f"fine: {', '.join(dict.fromkeys(good))}")
    for finding in reversed(done.findings):  # the gravest last: where a terminal is read from
        if finding.severity is not Severity.OK:
            say_finding(finding, names=BY_SEVERITY)
    _log(done.cases)
    if done.not_run:
        say(f"not run: {done.not_run}")
    counts = Counter(finding.severity for finding in done.findings)
    told = ", ".join(
        f"{counts[severity]} {severity}{'s' if counts[severity] != 1 else ''}"
        for severity in (Severity.PROBLEM, Severity.WARNING, Severity.NOTE)
    )
    say(f"{'passed' if passes(done.findings) else 'FAILED'}: {told}")


def _cases(title: str, cases: Sequence[ExaminedCase[CasePicture]]) -> None:
    table(
        title,
        ["case", "outcome", "DSC/floor", "NSD/floor", "time", "memory"],
        [
            [
                case.score.case,
                str(case.score.outcome),
                _beside(case, case.score.value("dsc"), case.baseline_dsc),
                _beside(case, case.score.value("nsd"), case.baseline_nsd),
                _percent(case.time_share),
                _percent(case.memory_share),
            ]
            for case in cases
        ],
    )


def _log(cases: Sequence[ExaminedCase[CasePicture]]) -> None:
    """The end of the first log that tells of a failure; the page has more."""
    case = next((case for case in cases if case.log), None)
    if case is not None:
        say(f"end of the log of {case.score.case}:")
        for line in case.log.splitlines()[-_LOG_LINES:]:
            say(f"  | {line}")


def _beside(case: ExaminedCase[CasePicture], value: float | None, baseline: float | None) -> str:
    """A score beside the floor's; a failed case has none, whatever it is counted as."""
    own = value if case.has_mask else None
    return f"{number(own, 2)}/{number(baseline, 2)}"


def _document(options: argparse.Namespace, done: SubmissionCheck) -> CheckDocument:
    return CheckDocument(
        reference=options.reference,
        protocol=options.protocol,
        passed=passes(done.findings) and done.not_run != NEEDS_ENGINE,
        not_run=done.not_run,
        findings=tuple(map(checked_thing, done.findings)),
        cases=tuple(
            CheckedCase(
                case=case.score.case,
                modality=case.score.modality,
                dimension=case.score.dimension,
                outcome=str(case.score.outcome),
                reason=case.score.reason,
                dsc=case.score.value("dsc"),
                nsd=case.score.value("nsd"),
                baseline_dsc=case.baseline_dsc,
                baseline_nsd=case.baseline_nsd,
                time_share=case.time_share,
                memory_share=case.memory_share,
                log_tail=case.log,
            )
            for case in done.cases
        ),
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
