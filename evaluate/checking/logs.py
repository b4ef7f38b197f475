"""What a log hints at: the network, refused writes and permissions, a GPU. Advice, never a verdict.

A log is the participant's words, as hostile as the rest: it is searched within bounds, and what is
taken from it is a host's name of harmless letters, or one line made printable.
"""

import re
from collections.abc import Iterator

from data_manifest.errors import printable
from data_manifest.findings import Finding, Severity
from evaluate.checking.trials import Trial

__all__ = ["log_hits"]

_SEARCHED = 2**18
_LONGEST_LINE = 2000
_SHOWN = 160
_MOST_LINES = 1000
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
_NETWORK = re.compile(
    r"name resolution|Name or service not known|Network is unreachable|Could not resolve|"
    r"unable to resolve|Failed to establish a new connection|Max retries exceeded|"
    r"(?-i:\bENOTFOUND\b)|getaddrinfo failed|nodename nor servname|No route to host|URLError|"
    r"couldn't connect to 'https?:",
    re.IGNORECASE,
)
_PATTERNS = (
    ("writes-outside", re.compile(r"Read-only file system|Errno 30\b|EROFS")),
    ("unprivileged-user", re.compile(r"Permission denied|PermissionError|Operation not permitted")),
    (
        "gpu",
        re.compile(
            r"Found no NVIDIA driver|not compiled with CUDA|no CUDA-capable device|"
            r"torch\.cuda\.is_available\(\) is False|CUDA (?:error|driver)|libcuda\.so|"
            r"cudaErrorNoDevice|nvidia-smi.{0,20}not found|CUDA_ERROR_NO_DEVICE",
            re.IGNORECASE,
        ),
    ),
)
_PACKAGE = re.compile(r"No module named '?([A-Za-z0-9_.]{1,80})")


def log_hits(trial: Trial) -> Iterator[Finding]:
    """What one case's log hints at."""
    lines = _lines(trial.log)
    where = trial.case.id
    network = [line for line in lines if _NETWORK.search(line)]
    if network:
        hosts = sorted({match[1] for line in lines for p in _HOSTS for match in p.finditer(line)})
        tried = f"it tried {', '.join(hosts[:4])}" if hosts else "the log names no host"
        yield _warn("network", where, f"{tried}: {_shown(network[0])}")
    for check, pattern in _PATTERNS:
        found = next((line for line in lines if pattern.search(line)), None)
        if found is not None:
            yield _warn(check, where, _shown(found))
    package = next((match for line in lines if (match := _PACKAGE.search(line))), None)
    if package is not None:
        yield _warn("python-package", where, f"no package {package[1]}")
    yield from _noise(trial)


def _noise(trial: Trial) -> Iterator[Finding]:
    log = trial.log
    count = log.count(b"\n") + log.count(b"\r")
    if count > _MOST_LINES or len(log) > _MOST_BYTES:
        found = f"{count:,} lines, {len(log) / 1024:,.0f} KiB"
        yield _warn("log-noise", trial.case.id, found)


def _warn(check: str, case: str, found: str) -> Finding:
    return Finding(code=check, severity=Severity.WARNING, where=case, found=found)


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
