"""A check of a submission: in lines, and as a document."""

import argparse
from collections import Counter
from collections.abc import Sequence

from data_manifest.findings import Severity, passes
from evaluate.checking.examinations import ExaminedCase
from evaluate.cli.terminal import BY_SEVERITY, number, say, say_finding, table
from evaluate.documents.check import CheckDocument, CheckedCase, checked_thing
from evaluate.pipeline.checks import NEEDS_ENGINE, SubmissionCheck
from evaluate.reporting.case_pictures import CasePicture

_LOG_LINES = 12


def say_check(options: argparse.Namespace, done: SubmissionCheck) -> None:
    """Cases, findings from the least to the gravest, the end of a log, and the verdict."""
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


def check_document(options: argparse.Namespace, done: SubmissionCheck) -> CheckDocument:
    """What was found, for `--json`."""
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
