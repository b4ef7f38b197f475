"""What a log hints at: the network, refused writes and permissions, a GPU. Advice, never a verdict.

A log is the participant's words, as hostile as the rest: it is searched within bounds, and what is
taken from it is a host's name of harmless letters, or one line made printable.
"""

import re
from collections.abc import Iterator

from data_manifest.errors import printable
from data_manifest.findings import Finding, Severity
from evaluate.checking.check_findings import hit
from evaluate.checking.observing import Observation
from evaluate.checking.trials import Trial
from evaluate.facts.rules import Rules
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
    """What one case's log hints at: of a failure its cause, of an answer what was refused to it."""
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
