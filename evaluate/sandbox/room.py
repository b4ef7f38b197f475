"""Whether the organiser's disks have room: a full one is no failure of the team that met it."""

import os
from pathlib import Path

from evaluate.sandbox.port import SandboxError

__all__ = ["Room"]

_MIB = 2**20
_LEAST_MIB = 4


class Room:
    """The least room that the disks of some folders had, from now on.

    Raises:
        SandboxError: one of them is full already.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._least: dict[Path, float] = {}
        self.look()
        self.demand()

    def look(self) -> None:
        """Note how much room there is now; fits a `Check`, and ends nothing."""
        for folder in self._folders:
            disk = os.statvfs(folder)
            free = disk.f_bavail * disk.f_frsize / _MIB
            if disk.f_files and not disk.f_favail:
                free = 0.0  # no file can be made, whatever its size
            self._least[folder] = min(free, self._least.get(folder, free))

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
