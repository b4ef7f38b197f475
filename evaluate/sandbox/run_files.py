"""Small files of ours that containers get, in a folder that is found after a killed harness."""

import hashlib
import threading
from pathlib import Path

from evaluate.sandbox.port import Image
from evaluate.sandbox.removal import remove_tree
from evaluate.sandbox.scratch import make_scratch
from evaluate.sandbox.surroundings import passwd

__all__ = ["RunFiles"]


class RunFiles:
    """The files of one sandbox."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._lock = threading.Lock()

    def passwd(self, image: Image, user: tuple[int, int]) -> str | None:
        """The /etc/passwd of this image's containers; None where its own can't be covered."""
        if image.around.accounts is None:
            return None
        content = passwd(image.around, uid=user[0], gid=user[1]).encode()
        with self._lock:
            if self._folder is None:
                self._folder = make_scratch()
                self._folder.chmod(0o755)
            path = self._folder / hashlib.sha256(content).hexdigest()
            if not path.exists():
                path.write_bytes(content)
                path.chmod(0o444)
        return str(path)

    def close(self) -> None:
        """Remove them."""
        with self._lock:
            if self._folder is not None:
                remove_tree(self._folder)
                self._folder = None
