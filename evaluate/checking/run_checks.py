"""How the cases ran: starts, ends, time, memory, and what was left beside the answer."""

from collections.abc import Iterator, Sequence

from data_manifest.findings import Finding, Severity
from evaluate.checking.check_findings import make_finding
from evaluate.checking.logs import log_hits
from evaluate.checking.output_checks import output_hits
from evaluate.checking.trials import Trial, gathered, nothing_found
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules

_NEAR = 0.8
_QUIET = {
    "starts": "exit code 0 on every case",
    "output-missing": "a file for every case",
    "network": "no sign of it in the logs",
    "writes-outside": "no sign of it in the logs",
    "unprivileged-user": "no sign of it in the logs",
    "gpu": "no sign of it in the logs",
    "leftover-files": "nothing but the masks",
    "leftover-processes": "none seen",
    "inputs-unchanged": "as they were",
    "log-noise": "short logs",
}


def run_findings(trials: Sequence[Trial], protocol: Rules) -> list[Finding]:
    """What the runs of all cases show, beside the masks themselves."""
    hits = [
        hit
        for trial in trials
        for hit in (
            *_ending(trial, protocol),
            *output_hits(trial, protocol),
            *_beside(trial, protocol),
            *log_hits(trial, protocol),
        )
    ]
    findings = gathered(hits, [trial.case.id for trial in trials])
    seen = {hit.code for hit in hits}
    findings += [nothing_found(check, text) for check, text in _QUIET.items() if check not in seen]
    if not seen & {"time", "memory"}:
        findings += _margins(trials, protocol)
    return findings


def _ending(trial: Trial, protocol: Rules) -> Iterator[Finding]:
    """The run's own verdict, where it is no matter of the output."""
    check = {
        Outcome.TIMEOUT: "time",
        Outcome.OUT_OF_MEMORY: "memory",
        Outcome.NONZERO_EXIT: "starts",
        Outcome.IMAGE_ERROR: "starts",
        Outcome.HARNESS_ERROR: "sandbox",
    }.get(trial.record.outcome)
    if check is not None:
        yield _hit(check, Severity.PROBLEM, trial, trial.record.reason)
        return
    limits = protocol.limits
    shares = (
        ("time", trial.record.wall_s, limits.timeout_s, "s"),
        ("memory", trial.record.peak_memory_mib, limits.memory_mib, "MiB"),
    )
    for check, value, limit, unit in shares:
        if value is not None and value > _NEAR * limit:
            words = f"{value:.1f} {unit}, {value / limit:.0%} of the limit of {limit:g} {unit}"
            yield _hit(check, Severity.WARNING, trial, words)


def _beside(trial: Trial, protocol: Rules) -> Iterator[Finding]:
    seen = trial.observation
    if seen is None:
        return
    surplus = [n for n in seen.files if n not in seen.masks and not protocol.output.tolerates(n)]
    if surplus and seen.masks:
        words = f"{len(surplus)} further: {', '.join(surplus[:3])}"
        yield _hit("leftover-files", Severity.WARNING, trial, words)
    if seen.inputs_changed and not protocol.container.inputs_writable:
        words = "a file there was changed, removed or added"
        yield _hit("inputs-unchanged", Severity.PROBLEM, trial, words)
    running = seen.execution.options.get("left_running")
    if running:
        words = f"{running} still ran when the command had ended"
        yield _hit("leftover-processes", Severity.WARNING, trial, words)


def _margins(trials: Sequence[Trial], protocol: Rules) -> Iterator[Finding]:
    """How far from the limits the slowest and the largest case are."""
    limits = protocol.limits
    for check, values, limit, unit in (
        ("time", [t.record.wall_s for t in trials], limits.timeout_s, "s"),
        ("memory", [t.record.peak_memory_mib for t in trials], limits.memory_mib, "MiB"),
    ):
        known = [value for value in values if value is not None]
        if known:
            words = f"at most {max(known):,.1f} {unit}, {max(known) / limit:.1%} of the limit"
            yield nothing_found(check, f"{words} of {limit:g} {unit}")
        else:
            yield make_finding(check, Severity.NOTE, found="not measured")


def _hit(check: str, severity: Severity, trial: Trial, found: str) -> Finding:
    return Finding(code=check, severity=severity, where=trial.case.id, found=found)
