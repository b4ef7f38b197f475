"""How the cases ran: starts, ends, time, memory, and what was left beside the answer."""

import math
import re
from collections.abc import Iterator, Sequence

from data_manifest.errors import printable
from data_manifest.findings import Finding, Severity
from evaluate.checking.check_findings import hit, make_finding, nothing_found
from evaluate.checking.mask_checks import output_hits
from evaluate.checking.trials import Observation, Trial, gathered
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Limits, Rules
from evaluate.running.hints import explain, matching

_SEARCHED = 2**18
_LONGEST_LINE = 2000
_SHOWN = 160
_MOST_LINES = 1000
_LAST = 12
_ABSENT = re.compile(r"no such file|does not exist|not found|cannot find|can't open", re.IGNORECASE)
_NOTHING = re.compile(r"IndexError: list index|StopIteration|ValueError: not enough values")
_MOST_BYTES = 2**18

_HOST = r"([A-Za-z0-9][A-Za-z0-9.-]{0,200}\.[A-Za-z]{2,24})"
_HOSTS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"host='{_HOST}'",
        rf"[a-z]{{2,8}}://{_HOST}",
        rf"resolve (?:host|host address)[ :'\u2018\"]+{_HOST}",
        rf"{_HOST}: (?:Temporary failure in name resolution|Name or service not known)",
        rf"ENOTFOUND {_HOST}",
    )
)
# What a run that has answered may still have met: nothing of it is a reason for a failure.
_BESIDE = {"network", "writes-outside", "unprivileged-user"}


def log_hits(trial: Trial, protocol: Rules) -> Iterator[Finding]:
    """What one case's log hints at: of a failure its cause, of an answer what was refused to it.

    Advice, never a verdict. A log is the participant's words, as hostile as the rest: it is
    searched within bounds, and what is taken from it is a host's name of harmless letters, or one
    line made printable.
    """
    lines, gpus = _lines(trial.log), protocol.limits.gpus
    if trial.answered:
        met: dict[str, str] = {}
        for line in lines:
            hint = matching(line, gpus=gpus)
            if hint is not None and hint.check in _BESIDE:
                met.setdefault(hint.check, line)
        for check, line in met.items():
            yield hit(check, trial.case.id, _told(check, line, lines), Severity.WARNING)
    elif trial.observation is not None:
        execution = trial.observation.execution
        why = explain(
            trial.log, gpus=gpus, covered=execution.covered, exit_code=execution.exit_code
        )
        if why is not None:
            told = _told(why.hint.check, why.line, lines)
            words = f"{why}: {told}" if told else str(why)
            yield hit(why.hint.check, trial.case.id, words, Severity.WARNING)
        elif line := _sought(lines[-_LAST:], trial.observation, protocol):
            given = ", ".join(file.path for file in protocol.input.files)
            words = f"{_shown(line)}; the inputs folder has {given}"
            yield hit("inputs-read", trial.case.id, words, Severity.WARNING)
    yield from _noise(trial)


def _sought(lines: list[str], seen: Observation, protocol: Rules) -> str:
    """The line that says that an input file is not there; empty if none does."""
    around = seen.execution.options.get("environment")
    local = around.get("SEGJUDGE_INPUTS") if isinstance(around, dict) else None
    folders = (protocol.container.inputs, str(local or protocol.container.inputs))
    for line in lines:
        if _ABSENT.search(line) and any(folder in line for folder in folders):
            return line
    glob = next((line for line in lines if "glob" in line), "")
    return glob if any(_NOTHING.match(line) for line in lines) else ""


def _told(check: str, line: str, lines: list[str]) -> str:
    if check != "network":
        return _shown(line)
    hosts = sorted({match[1] for text in lines for p in _HOSTS for match in p.finditer(text)})
    tried = f"it tried {', '.join(hosts[:4])}" if hosts else "the log names no host"
    return f"{tried}: {_shown(line)}"


def _noise(trial: Trial) -> Iterator[Finding]:
    log = trial.log
    count = log.count(b"\n") + log.count(b"\r")
    if count > _MOST_LINES or len(log) > _MOST_BYTES:
        words = f"{count:,} lines, {len(log) / 1024:,.0f} KiB"
        yield hit("log-noise", trial.case.id, words, Severity.WARNING)


def _lines(log: bytes) -> list[str]:
    """Of head and tail, each cut: a pattern never meets a line of megabytes."""
    if len(log) > 2 * _SEARCHED:
        log = log[:_SEARCHED] + b"\n" + log[-_SEARCHED:]
    return [
        line[:_LONGEST_LINE] for line in log.decode("utf-8", "replace").splitlines() if line.strip()
    ]


def _shown(line: str) -> str:
    text = printable(line.strip())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


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
        noticed
        for trial in trials
        for noticed in (
            *_ending(trial, protocol),
            *output_hits(trial, protocol),
            *_beside(trial, protocol),
            *log_hits(trial, protocol),
        )
    ]
    findings = gathered(hits, [trial.case.id for trial in trials])
    seen = {noticed.code for noticed in hits}
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
        yield hit(check, trial.case.id, trial.record.reason)
        return
    for check, (value,), limit, unit in _shares([trial], protocol):
        if value is not None and value > _NEAR * limit:
            words = f"{value:.1f} {unit}, {value / limit:.0%} of the limit of {limit:g} {unit}"
            yield hit(check, trial.case.id, words, Severity.WARNING)


def _shares(
    trials: Sequence[Trial], protocol: Rules
) -> Iterator[tuple[str, list[float | None], float, str]]:
    """A check, what the trials took, its limit, and the unit of both."""
    limits = protocol.limits
    yield "time", [t.record.wall_s for t in trials], limits.timeout_s, "s"
    yield "memory", [t.record.peak_memory_mib for t in trials], limits.memory_mib, "MiB"


def _beside(trial: Trial, protocol: Rules) -> Iterator[Finding]:
    seen = trial.observation
    if seen is None:
        return
    surplus = [n for n in seen.files if n not in seen.masks and not protocol.output.tolerates(n)]
    if surplus and seen.masks:
        words = f"{len(surplus)} further: {', '.join(surplus[:3])}"
        yield hit("leftover-files", trial.case.id, words, Severity.WARNING)
    if seen.inputs_changed and not protocol.container.inputs_writable:
        words = "a file there was changed, removed or added"
        yield hit("inputs-unchanged", trial.case.id, words)
    running = seen.execution.options.get("left_running")
    if running:
        words = f"{running} still ran when the command had ended"
        yield hit("leftover-processes", trial.case.id, words, Severity.WARNING)


def _margins(trials: Sequence[Trial], protocol: Rules) -> Iterator[Finding]:
    """How far from the limits the slowest and the largest case are."""
    for check, values, limit, unit in _shares(trials, protocol):
        known = [value for value in values if value is not None]
        if known:
            words = f"at most {max(known):,.1f} {unit}, {max(known) / limit:.1%} of the limit"
            yield nothing_found(check, f"{words} of {limit:g} {unit}")
        else:
            yield make_finding(check, Severity.NOTE, found="not measured")


def estimate_findings(
    trials: Sequence[Trial], limits: Limits, largest: tuple[int, ...] | None
) -> list[Finding]:
    """Time and memory of the protocol's largest case, from what the small cases took.

    Two straight lines through the 3D cases, from the smallest to the largest: one over voxels, one
    over slices. What a model really does lies between (work on slices that are resized grows with
    their number, work on the whole volume with its voxels), so both are said; neither where there
    are no two volumes of different size, or no largest case.
    """
    volumes = sorted(
        (t for t in trials if t.answered and len(t.case.shape) == 3),
        key=lambda t: math.prod(t.case.shape),
    )
    if largest is None or len(volumes) < 2:
        return []
    small, large = volumes[0], volumes[-1]
    findings = []
    for check, value, limit, unit in (
        ("time-of-largest", "wall_s", limits.timeout_s, "s"),
        ("memory-of-largest", "peak_memory_mib", limits.memory_mib, "MiB"),
    ):
        first, last = (getattr(trial.record, value) for trial in (small, large))
        if first is None or last is None or small.case.shape[0] == large.case.shape[0]:
            continue
        ends = (float(first), float(last))
        voxels = [math.prod(t.case.shape) for t in (small, large)]
        by_voxels = _line(ends, voxels[0], voxels[1], math.prod(largest))
        by_slices = _line(ends, small.case.shape[0], large.case.shape[0], largest[0])
        low, high = sorted((by_voxels, by_slices))
        severity = (
            Severity.WARNING if low > limit else Severity.NOTE if high > limit else Severity.OK
        )
        sizes = " to ".join("×".join(map(str, t.case.shape)) for t in (small, large))
        findings.append(
            make_finding(
                check,
                severity,
                subject=f"a case of {'×'.join(map(str, largest))} voxels",
                found=f"about {by_slices:,.0f} {unit} if it grows with the slices,"
                f" {by_voxels:,.0f} {unit} if with the voxels; the limit is {limit:g} {unit}"
                f" (a straight line from {sizes}: {ends[0]:,.1f} to {ends[1]:,.1f} {unit})",
            )
        )
    return findings


def _line(ends: tuple[float, float], small: int, large: int, wanted: int) -> float:
    """The line through two points, never falling, at a third."""
    slope = max(0.0, (ends[1] - ends[0]) / (large - small))
    return ends[1] + slope * (wanted - large)
