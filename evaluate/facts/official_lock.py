"""Whether this installation has the versions of official scoring, which official.txt names."""

import hashlib
from pathlib import Path

from evaluate.facts.machine import installed_version

OFFICIAL = Path(__file__).parents[1] / "official.txt"
"""Every package that segjudge needs, by exact version."""


def installed_lock() -> str:
    """What run.json says: `official` and the start of the lock's SHA-256, or what differs."""
    text = OFFICIAL.read_text(encoding="utf-8")
    differing = []
    for line in text.splitlines():
        name, _, locked = line.partition("==")
        if not locked:
            continue
        installed = installed_version(name)  # or none: of another system, or of another part
        if installed and installed != locked:
            differing.append(f"{name} {installed} for {locked}")
    if differing:
        return f"not official: {', '.join(differing)}"
    return f"official {hashlib.sha256(text.encode()).hexdigest()[:12]}"
