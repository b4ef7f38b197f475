"""The page of `segjudge check`: what to mend, every case with its picture, in one file."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from data_manifest.findings import Finding
from evaluate.checking.examinations import ExaminedCase
from evaluate.facts.rules import Rules
from evaluate.reporting.case_pictures import CasePicture
from evaluate.reporting.failures import OUTCOME_WORDS
from evaluate.reporting.quantities import DASH, clipped
from evaluate.reporting.rendering import render

_MOST_LOGS = 8
_SEVERITIES = (("problem", "Problems"), ("warning", "Warnings"), ("note", "Notes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _CheckedRow:
    name: str
    modality: str
    outcome: str
    failed: bool
    cells: tuple[str, ...]
    reason: str
    picture: Markup | None
    where: str
    log: str


def check_page(
    reference: str,
    *,
    protocol: Rules,
    findings: Sequence[Finding],
    cases: Sequence[ExaminedCase[CasePicture]],
    not_run: str,
) -> str:
    """The page as text: it loads nothing from anywhere, and everything in it is escaped."""
    counts = Counter(str(finding.severity) for finding in findings)
    groups = [
        (title, severity, [finding for finding in findings if finding.severity == severity])
        for severity, title in _SEVERITIES
    ]
    rows = [_row(case) for case in cases]
    images = {case.picture.image_id: case.picture.image for case in cases if case.picture}
    return render(
        "check.html.j2",
        styles=("style.css", "charts.css", "check.css"),
        reference=reference.rstrip("/").rpartition("/")[2] or reference,
        protocol=protocol,
        verdict=_verdict(counts, not_run),
        passed=not counts["problem"],
        lead=_lead(cases, not_run),
        groups=[group for group in groups if group[2]],
        fine=[finding for finding in findings if finding.severity == "ok"],
        rows=rows,
        logs=[row for row in rows if row.log][:_MOST_LOGS],
        images=list(images.values()),
        limits=_limits(protocol),
    )


def _verdict(counts: Counter[str], not_run: str) -> str:
    if counts["problem"]:
        return f"{counts['problem']} problem{'s' if counts['problem'] > 1 else ''} to mend"
    if not_run:
        return "no problem seen, and not run"
    if counts["warning"]:
        return f"goes through, with {counts['warning']} warning{'s'[: counts['warning'] > 1]}"
    return "goes through"


def _lead(cases: Sequence[ExaminedCase[CasePicture]], not_run: str) -> str:
    if not_run:
        return f"{not_run[:1].upper()}{not_run[1:]}."
    good = sum(case.has_mask for case in cases)
    return f"{good} of {len(cases)} cases ended with a mask that counts."


def _row(case: ExaminedCase[CasePicture]) -> _CheckedRow:
    score = case.score
    own = (score.value("dsc"), score.value("nsd")) if case.has_mask else (None, None)
    return _CheckedRow(
        name=score.case,
        modality=score.modality,
        outcome=OUTCOME_WORDS.get(score.outcome, "ok"),
        failed=not case.has_mask,
        cells=(
            _number(own[0]),
            _number(case.baseline_dsc),
            _number(own[1]),
            _number(case.baseline_nsd),
            _percent(case.time_share),
            _percent(case.memory_share),
        ),
        reason=clipped(score.reason, 300),
        picture=case.picture.drawing if case.picture else None,
        where=case.picture.where if case.picture else "",
        log=case.log,
    )


def _limits(protocol: Rules) -> str:
    limits = protocol.limits
    cpus = "all processors" if limits.cpus is None else f"{limits.cpus:g} processors"
    return f"{limits.timeout_s:g} s and {limits.memory_mib:,} MiB a case, {cpus}, no network"


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.3f}"


def _percent(share: float | None) -> str:
    return DASH if share is None else f"{share:.1%}"
