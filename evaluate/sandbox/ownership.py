"""Tells our own leftovers from those of a harness that is still at work, by one short token.

A killed harness cleans nothing up. Whatever it makes (containers, images, cgroups, folders) bears
its token, and the next harness on the same machine removes what belongs to a process that is gone.
"""

import hashlib
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TICKS = Path("/proc/self/stat").exists()
_UNIT = "t" if _TICKS else "m"
"""Ticks since the boot, or ms by a clock that is read once a process: never held side by side."""
_TOLERANCE = 0 if _TICKS else 1000
_TOKEN = re.compile(rf"([0-9a-f]{{8}})_([0-9a-f]{{8}})_([0-9]{{1,10}})_{_UNIT}([0-9]{{1,15}})")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told apart from every other one of this machine, before and after a reboot.

    Attributes:
        host: digest of the machine's name.
        boot: digest of what the kernel calls this start of the machine.
        pid: its number.
        started: when it began, in ticks since the boot; elsewhere than on Linux in ms.
    """

    host: str
    boot: str
    pid: int
    started: int

    @classmethod
    def current(cls) -> "Owner":
        """This process."""
        pid = os.getpid()
        return cls(_short(platform.node()), boot(), pid, _started(pid))

    @classmethod
    def parse(cls, token: str) -> "Owner | None":
        """Read a token back; None if it is none, or of a harness that tells processes otherwise."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        host, boot, pid, started = match.groups()
        return cls(host, boot, int(pid), int(started))

    @property
    def token(self) -> str:
        """Letters, digits and underscores: fit for a label, a tag, a cgroup and a file name."""
        # The unit tells it from the tokens of versions that went by the clock of the day.
        return f"{self.host}_{self.boot}_{self.pid}_{_UNIT}{self.started}"

    def is_gone(self) -> bool:
        """Whether the process surely runs no more. Another machine's process never is."""
        if self.host != _short(platform.node()):
            return False
        if _TICKS and self.boot != boot():  # elsewhere the minute of the boot moves with the clock
            return True
        try:
            return abs(_started(self.pid) - self.started) > _TOLERANCE
        except psutil.NoSuchProcess:
            return True


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def boot() -> str:
    """A word for this start of the machine."""
    try:
        return _short(_BOOT_ID.read_text(encoding="ascii"))
    except OSError:  # not Linux
        return _short(str(int(psutil.boot_time()) // 60))


def _started(pid: int) -> int:
    """When a process began, by no clock that anyone sets: in the kernel's ticks since it booted.

    Raises:
        psutil.NoSuchProcess: there is none.
    """
    if not _TICKS:
        return int(psutil.Process(pid).create_time() * 1000)
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise psutil.NoSuchProcess(pid) from error
    # Its name is in brackets, and may hold any.
    return int(text.rpartition(")")[2].split()[19])
