"""One case of a check as it ran, and the gathering of what was noticed on many cases."""

from collections.abc import Sequence
from dataclasses import dataclass

from data_manifest.findings import Finding, Severity, listed
from data_manifest.manifest import Case
from evaluate.checking.check_findings import make_finding
from evaluate.checking.observing import Observation
from evaluate.checking.sanity import is_odd
from evaluate.facts.attempts import Attempt
from evaluate.facts.outcome import Outcome

_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One case as it ran."""

    case: Case
    record: Attempt
    observation: Observation | None

    @property
    def log(self) -> bytes:
        """The container's output; the bytes are the participant's."""
        return self.observation.execution.log if self.observation else b""

    @property
    def answered(self) -> bool:
        """Whether it left a mask that counts."""
        return self.record.outcome is Outcome.OK


def gathered(hits: Sequence[Finding], cases: Sequence[str]) -> list[Finding]:
    """One finding for all hits of a check, naming the first cases.

    What goes wrong on the odd cases alone is a finding of `odd-input`.
    """
    groups: dict[str, list[Finding]] = {}
    for hit in hits:
        groups.setdefault(hit.code, []).append(hit)
    findings = []
    ordinary = any(not is_odd(case) for case in cases)
    for check, of_check in groups.items():
        order = list(Severity)
        worst = min(of_check, key=lambda hit: order.index(hit.severity))
        named = list(dict.fromkeys(hit.where for hit in of_check))
        only_odd = ordinary and all(is_odd(name) for name in named)
        detail = worst.found if len(named) == 1 else f"{worst.where}: {worst.found}"
        findings.append(
            make_finding(
                "odd-input" if only_odd and worst.severity is Severity.PROBLEM else check,
                worst.severity,
                subject=f"{len(named)} of {len(cases)} cases: {listed(named, most=_NAMED)}",
                found=detail,
                mend=worst.mend,
            )
        )
    return findings
