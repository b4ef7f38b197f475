"""`segjudge check`: a submission before it runs, and the organiser's own run of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import msgspec
import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs, Reference
from data_manifest.findings import Finding, Severity, passes
from data_manifest.manifest import Case
from data_manifest.progress import Progress, silent
from data_manifest.prompts import USUAL
from evaluate.checking import (
    archive_findings,
    build_sanity_cases,
    folder_findings,
    gravest_first,
    make_finding,
)
from evaluate.checking.examinations import ExaminedCase
from evaluate.checking.rehearsals import Rehearsal
from evaluate.facts.rules import Rules
from evaluate.reporting.case_pictures import CasePicture, draw_case
from evaluate.sandbox import Sandbox
from evaluate.sandbox.case_folders import classify
from evaluate.sandbox.layers import save_image
from evaluate.sandbox.models import parted
from evaluate.sandbox.scratch import scratch_folder

NEEDS_ENGINE = "it can't be run: an image needs a container engine, and none answers"
"""Why an archive was not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionCheck:
    """All that was found."""

    findings: list[Finding]
    cases: list[ExaminedCase[CasePicture]]
    not_run: str = ""


def check_submission(
    reference: str,
    *,
    protocol: Rules,
    sandbox: Sandbox | None,
    environment: Mapping[str, str] = MappingProxyType({}),
    manifest_path: Path | None = None,
    pictures: bool = False,
    progress: Progress = silent,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SubmissionCheck:
    """Look at a submission, then run and score it as `segjudge run` would; keep nothing.

    Some cases are run twice. Nothing is run where an archive can't be: it is no image, or there is
    no engine.

    Without a sandbox nothing is run; without a manifest of the team's own, the sanity cases are.

    Raises:
        SegjudgeError: the reference names nothing, the data are bad, or the sandbox broke.
    """
    with scratch_folder() as scratch:
        progress(0, 1, "looking into it")
        findings = _static(reference, protocol, sandbox, scratch, environment, now())
        not_run = _not_run(reference, findings, sandbox)
        cases: list[ExaminedCase[CasePicture]] = []
        if protocol.limits.gpus and sandbox is not None and sandbox.describe().get("gpus") is False:
            words = f"the protocol gives {protocol.limits.gpus}, this engine has none: run without"
            findings.append(make_finding("gpu", Severity.NOTE, found=words))
            limits = msgspec.structs.replace(protocol.limits, gpus=0)
            protocol = msgspec.structs.replace(protocol, limits=limits)
        if sandbox is not None and not not_run:
            data = manifest_path or build_sanity_cases(
                scratch / "data",
                layout=protocol.layout,
                prompts=_kinds(protocol),
                rounds=protocol.rounds.ahead,
                cube=protocol.rounds.number > 1,
            )
            rehearsal = Rehearsal(reference, protocol, sandbox, data, scratch, progress)
            cases = rehearsal.run(_draw if pictures else None)
            findings += rehearsal.findings
    return SubmissionCheck(findings=gravest_first(findings), cases=cases, not_run=not_run)


def _kinds(protocol: Rules) -> tuple[str, ...]:
    """Of prompts; the usual ones where containers get what a file of the image holds."""
    given = protocol.kinds_of_prompts
    if given or protocol.rounds.number > 1 or not protocol.layout.gives_prompts:
        return given
    return USUAL


def _draw(
    inputs: CaseInputs,
    reference: Reference,
    prediction: npt.NDArray[np.integer] | None,
    case: Case,
    number: int,
) -> CasePicture:
    return draw_case(
        inputs,
        reference,
        prediction,
        name=f"case-{number}",
        title=case.id,
        description=f"{case.modality} image with the outlines of the reference and the"
        " prediction, and the prompts",
    )


def _static(
    reference: str,
    protocol: Rules,
    sandbox: Sandbox | None,
    scratch: Path,
    environment: Mapping[str, str],
    now: datetime,
) -> list[Finding]:
    """What can be seen before anything runs."""
    reference = parted(reference)[0]
    path = Path(reference)
    if path.is_file():
        return archive_findings(path, protocol, now=now)
    if path.is_dir():
        return folder_findings(path, protocol)

    classify(reference)  # raises where it looks like a path
    if sandbox is not None and not sandbox.isolated:
        return []  # which can't run it, and says so
    saved = scratch / "image.tar"
    save_image(reference, saved, environment=environment)
    try:
        findings = archive_findings(saved, protocol, now=now)
    finally:
        saved.unlink()
    of_the_file = ("archive-name", "image-tag", "archive-size")
    return [finding for finding in findings if finding.code not in of_the_file]


def _not_run(reference: str, findings: list[Finding], sandbox: Sandbox | None) -> str:
    if sandbox is None:
        return "only what can be seen without running it was looked at"
    if not passes([f for f in findings if f.code == "archive-readable"]):
        return "it can't be run: it is no image"
    if Path(parted(reference)[0]).is_file() and not sandbox.isolated:
        return NEEDS_ENGINE
    return ""
