"""Small files of ours that containers get, in a folder that is found after a killed harness."""

import hashlib
import shutil
import tempfile
import threading
from pathlib import Path

from evaluate.sandbox.ownership import Owner
from evaluate.sandbox.port import Image
from evaluate.sandbox.surroundings import passwd

__all__ = ["RunFiles"]

_PREFIX = "segjudge-files-"


class RunFiles:
    """The files of one sandbox.

    Args:
        owner: token of the harness.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._folder: Path | None = None
        self._lock = threading.Lock()
        for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            other = Owner.parse(left.name.removeprefix(_PREFIX).partition("-")[0])
            if other is not None and other.is_gone():
                shutil.rmtree(left, ignore_errors=True)

    def passwd(self, image: Image, user: tuple[int, int]) -> str | None:
        """The /etc/passwd of this image's containers; None where the image's own can't be covered.

        Args:
            image: whose containers.
            user: user and group of the container.
        """
        if image.around.accounts is None:
            return None
        content = passwd(image.around, uid=user[0], gid=user[1]).encode()
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{self._owner}-"))
            path = self._folder / hashlib.sha256(content).hexdigest()
            if not path.exists():
                path.write_bytes(content)
                path.chmod(0o444)
        return str(path)

    def close(self) -> None:
        """Remove them."""
        with self._lock:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None
