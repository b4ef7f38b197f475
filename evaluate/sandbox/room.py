"""Whether the organiser's disks have room: a full one is no failure of the team that met it."""

import os
import shutil
from pathlib import Path

from evaluate.sandbox.port import SandboxError

_MIB = 2**20
_LEAST_MIB = 4
_STEP_MIB = 256


class Room:
    """The least room that the disks of some folders had, from now on.

    Raises:
        SandboxError: one of them is full already.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._least: dict[Path, float] = {}
        self._last = self._now()
        self.look()
        self.demand()

    def look(self) -> None:
        """Note how much room there is now; fits a `Check`, and ends nothing."""
        for folder, free in self._now().items():
            self._least[folder] = min(free, self._least.get(folder, free))

    def _now(self) -> dict[Path, float]:
        return {folder: _free_mib(folder) for folder in self._folders}

    def shrinks(self) -> bool:
        """Whether a disk has much less room than when this was last said, or at the start."""
        before, self._last = self._last, self._now()
        small = any(before[folder] - free > _STEP_MIB for folder, free in self._last.items())
        if not small:
            self._last = {folder: max(before[folder], self._last[folder]) for folder in before}
        return small

    def demand(self) -> None:
        """Raise if there was not enough at any look.

        Raises:
            SandboxError: what was run then may have failed for that.
        """
        self.look()
        for folder, free in self._least.items():
            if free < _LEAST_MIB:
                raise SandboxError(
                    where=f"the disk of {folder}",
                    found=f"{free:.1f} MiB were free",
                    expected=f"at least {_LEAST_MIB} MiB while a case runs",
                    mend="see that the disk has room, or set TMPDIR to a folder on another",
                )


def _free_mib(folder: Path) -> float:
    if not hasattr(os, "statvfs"):  # Windows
        return shutil.disk_usage(folder).free / _MIB
    disk = os.statvfs(folder)
    if disk.f_files and not disk.f_favail:
        return 0.0  # no file can be made, whatever its size
    return disk.f_bavail * disk.f_frsize / _MIB
